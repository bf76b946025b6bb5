import { barePayer } from "../bare-payer.ts";
import { type BenchServer, startPaid } from "../bench-server.ts";
import { each, percentile } from "../measure.ts";
import { payOnce } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";

const warmUps = 30;
const alone = 100;
const together = 200;
const atOnce = 8;
const roomy = { budget_usd: "1000", daily_budget_usd: "1000" };

/** Whole runs that pay 0.10 USDC, beside a bare x402 client that pays the same merchant with the same wallet. */
export const paid: Scenario = {
  name: "paid",
  async runAlone(databaseUrl) {
    const { server, dataDir } = await startPaid(databaseUrl);
    try {
      const url = await server.urlOf("market-data");
      const pay = barePayer(dataDir);
      const ours = await measure(await players(server));
      const baseline = await measure(Array.from({ length: atOnce }, () => () => pay(url)));
      return [
        {
          name: "paid run end to end",
          unit: "ms p50",
          target: { kind: "at most", value: 35 },
          ours: ours.p50,
          baseline: baseline.p50,
        },
        { name: "paid run end to end", unit: "ms p95", ours: ours.p95, baseline: baseline.p95 },
        {
          name: `paid runs, ${atOnce} sessions at once`,
          unit: "runs/s",
          target: { kind: "at least", value: 40 },
          ours: ours.rate,
          baseline: baseline.rate,
        },
      ];
    } finally {
      await server.close();
    }
  },
};

type Player = () => Promise<void>;

function players(server: BenchServer): Promise<Player[]> {
  return each(atOnce, atOnce, async () => {
    const client = await server.connect(await server.createSession(roomy));
    return () => payOnce(client);
  });
}

async function measure(all: readonly Player[]) {
  const [first] = all;
  if (first === undefined) throw new Error("There is nobody to measure.");
  for (let done = 0; done < warmUps; done++) await first();
  const times: number[] = [];
  for (let done = 0; done < alone; done++) {
    const from = performance.now();
    await first();
    times.push(performance.now() - from);
  }
  const from = performance.now();
  let left = together;
  await Promise.all(
    all.map(async (play) => {
      while (left-- > 0) await play();
    }),
  );
  const rate = (together * 1000) / (performance.now() - from);
  return { p50: percentile(times, 0.5), p95: percentile(times, 0.95), rate };
}
