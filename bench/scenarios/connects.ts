import { SignJWT } from "jose";
import { type BenchServer, startBare, startPaygent } from "../bench-server.ts";
import { each, median } from "../measure.ts";
import type { Figure, Scenario } from "../scenario.ts";

const sockets = 4000;
const atOnce = 64;
const repetitions = 3;
const secret = "a secret that is known to the bench only, and long";

/** Nobody is refused here, but everything is counted. */
const asUsual = {
  PAYGENT_AUTH_SECRET: secret,
  PAYGENT_REQUESTS_PER_USER: "1000",
  PAYGENT_SOCKETS_PER_USER: "1000",
};
const uncounted = {
  PAYGENT_AUTH_SECRET: secret,
  PAYGENT_REQUESTS_PER_USER: "0",
  PAYGENT_REQUESTS_PER_ADDRESS: "0",
  PAYGENT_SOCKETS_PER_USER: "0",
  PAYGENT_SOCKETS_PER_ADDRESS: "0",
};

/**
 * Sockets that connect all at once, as after a server went down, each of a user of its own: the dearest case for
 * limits, because each is a subject of its own.
 */
export const connects: Scenario = {
  name: "connects",
  async runAlone(databaseUrl) {
    const tokens = await Promise.all(Array.from({ length: sockets }, (_, index) => tokenOf(`user-${index}`)));
    const bare = await measured(await startBare(), tokens);
    const withLimits = await measured(await startPaygent(databaseUrl, asUsual), tokens);
    const without = await measured(await startPaygent(databaseUrl, uncounted), tokens);
    return [
      figure(`${sockets} sockets of as many users connect`, withLimits, bare),
      figure("the same without limits", without, bare),
    ];
  },
};

interface Measured {
  readonly perSecond: number;
  readonly cpuMillis: number;
}

function figure(name: string, ours: Measured, bare: Measured): Figure {
  const note = `${ours.cpuMillis.toFixed(2)} ms of the server's CPU each; bare ${bare.cpuMillis.toFixed(2)}`;
  return { name, unit: "a second", ours: ours.perSecond, baseline: bare.perSecond, note };
}

async function measured(server: BenchServer, tokens: readonly string[]): Promise<Measured> {
  try {
    const ids = await each(sockets, 16, (index) => server.createSession({}, tokens[index]));
    const rounds: Measured[] = [];
    for (let round = 0; round < repetitions; round++) rounds.push(await connectAll(server, ids, tokens));
    return {
      perSecond: median(rounds.map(({ perSecond }) => perSecond)),
      cpuMillis: median(rounds.map(({ cpuMillis }) => cpuMillis)),
    };
  } finally {
    await server.close();
  }
}

async function connectAll(server: BenchServer, ids: readonly string[], tokens: readonly string[]): Promise<Measured> {
  const before = await server.usage("cpu");
  const from = performance.now();
  const clients = await each(sockets, atOnce, (index) => server.connect(ids[index] ?? "", tokens[index]));
  const seconds = (performance.now() - from) / 1000;
  const after = await server.usage("cpu");
  for (const client of clients) client.close();
  return { perSecond: sockets / seconds, cpuMillis: (after.cpuMicros - before.cpuMicros) / 1000 / sockets };
}

function tokenOf(userId: string): Promise<string> {
  return new SignJWT({})
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(userId)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(secret));
}
