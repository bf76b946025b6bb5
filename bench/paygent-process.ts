import { pino } from "pino";
import { startServer } from "../src/server/start.ts";
import { fakeWorld } from "../test/support/fake-world.ts";
import { benchModel, hold, noop } from "./bench-model.ts";
import { serveBench } from "./child-protocol.ts";

/** The server under test, as `paygent start` runs it, but for the model, the chain and the limits on one client. */
const server = await startServer(
  { port: 0 },
  {
    world: fakeWorld(),
    model: benchModel,
    tools: [noop, hold],
    messagesPerSecond: 1_000_000,
    maxSocketsPerUser: 1_000_000,
    logger: pino({ level: "warn" }, pino.destination(2)),
  },
);
serveBench({ url: server.url, token: server.accessToken ?? "" }, () => server.close());
