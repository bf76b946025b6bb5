import { openBarePostgres } from "../bare-postgres.ts";
import { startNodes } from "../bench-server.ts";
import { median, percentile } from "../measure.ts";
import { park, playRun, typeOf } from "../run-player.ts";
import type { Scenario } from "../scenario.ts";
import type { WireClient } from "../wire-client.ts";

const warmUpRuns = 150;
const runs = 300;

/** One run after another: on one server, and started on one and approved on another. */
export const nodesLatency: Scenario = {
  name: "nodes-latency",
  isOfSeveral: true,
  async runAlone(databaseUrl = "") {
    const bare = await openBarePostgres(databaseUrl);
    const { nodes, close } = await startNodes(databaseUrl, 2);
    try {
      const [one, other] = nodes;
      if (one === undefined || other === undefined) throw new Error("Two servers were to start.");
      const id = await one.createSession({ tools: { noop: "ask" } });
      const near = await one.connect(id);
      const far = await other.connect(id);
      // Alone on its server, a session has nobody elsewhere to tell.
      const own = await one.connect(await one.createSession({ tools: { noop: "ask" } }));
      await repeat(warmUpRuns, () => playRun(own));
      await repeat(warmUpRuns, () => approveFar(near, far));

      const alone = await repeat(runs, () => playRun(own));
      const across = await repeat(runs, () => approveFar(near, far));
      const hints = await bare.notify(runs);

      for (const client of [near, far, own]) client.close();
      const hint = { p50: median(hints), p95: percentile(hints, 0.95) };
      const approved = across.map(({ approvedMs }) => approvedMs);
      const note = "baseline: a notification alone";
      return [
        {
          name: "first event after execute",
          unit: "ms p50",
          ours: median(alone.map(({ firstEventMs }) => firstEventMs)),
        },
        {
          name: "result after approve, one server",
          unit: "ms p50",
          ours: median(alone.map(({ resumeMs }) => resumeMs)),
        },
        {
          name: "approve here to its event there",
          unit: "ms p50",
          target: { kind: "at most", value: 8 },
          ours: median(approved),
          baseline: hint.p50,
          note,
        },
        {
          name: "approve here to its event there",
          unit: "ms p95",
          ours: percentile(approved, 0.95),
          baseline: hint.p95,
          note,
        },
        {
          name: "approve here to the result there",
          unit: "ms p50",
          ours: median(across.map(({ resultMs }) => resultMs)),
          baseline: hint.p50,
          note,
        },
      ];
    } finally {
      await close();
      await bare.close();
    }
  },
};

async function repeat<T>(times: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let done = 0; done < times; done++) results.push(await work());
  return results;
}

/** A run that is started and watched on one server and approved on the other. */
async function approveFar(near: WireClient, far: WireClient): Promise<{ approvedMs: number; resultMs: number }> {
  const { requestId } = await park(near);
  return new Promise((resolve, reject) => {
    const sentAt = performance.now();
    let approvedMs = 0;
    let resultMs = 0;
    far.onText = (payload) => typeOf(payload) === "error" && reject(new Error(payload.toString()));
    near.onText = (payload) => {
      const type = typeOf(payload);
      if (type === "approved") approvedMs = performance.now() - sentAt;
      if (type === "tool_result") resultMs = performance.now() - sentAt;
      if (type === "complete") resolve({ approvedMs, resultMs });
    };
    far.send({ type: "approve", data: { request_id: requestId } });
  });
}
