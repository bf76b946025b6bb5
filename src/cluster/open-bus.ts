import type { Bus } from "../runtime/bus.ts";
import type { Log } from "../runtime/log.ts";
import type { Store } from "../store/database.ts";
import { deploymentId } from "../store/deployment.ts";
import { HintBus } from "./hint-bus.ts";
import { localBus } from "./local-bus.ts";
import { postgresTransport } from "./postgres-transport.ts";

const everyMs = 2000;

/** The bus that fits where the state is: one process needs none, several share PostgreSQL's or a NATS server's. */
export async function openBus(given: {
  readonly nodeId: string;
  readonly store: Store;
  readonly databaseUrl: string | undefined;
  readonly natsUrl: string | undefined;
  readonly startTimeoutMs: number;
  readonly log: Log;
  /** How often the log is looked into for what no hint told of; every two seconds if not given. */
  readonly pollMs: number | undefined;
}): Promise<Bus> {
  const { nodeId, store, databaseUrl, natsUrl, startTimeoutMs, log, pollMs = everyMs } = given;
  if (databaseUrl === undefined) return localBus();
  const transport =
    natsUrl === undefined
      ? postgresTransport(databaseUrl, log)
      : await (await import("./nats-transport.ts")).natsTransport({
          url: natsUrl,
          deployment: await deploymentId(store),
          startTimeoutMs,
          log,
        });
  const bus = new HintBus({ nodeId, db: store.db, transport, log, pollMs });
  await bus.open();
  return bus;
}
