import type { Bus } from "../runtime/bus.ts";
import type { Log } from "../runtime/log.ts";
import type { Store } from "../store/database.ts";
import { deploymentId } from "../store/deployment.ts";
import { HintBus } from "./hint-bus.ts";
import { localBus } from "./local-bus.ts";
import { postgresTransport } from "./postgres-transport.ts";

const pollMs = 2000;

/** The bus that fits where the state is: one process needs none, several share PostgreSQL's or a NATS server's. */
export async function openBus(given: {
  readonly nodeId: string;
  readonly store: Store;
  readonly databaseUrl: string | undefined;
  readonly natsUrl: string | undefined;
  readonly startTimeoutMs: number;
  readonly log: Log;
}): Promise<Bus> {
  const { nodeId, store, databaseUrl, natsUrl, startTimeoutMs, log } = given;
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
