import { pino } from "pino";
import { startServer } from "../src/server/start.ts";
import { fakeWorld } from "../test/support/fake-world.ts";
import { benchModel, hold, noop } from "./bench-model.ts";
import { serveBench } from "./child-protocol.ts";

/** The server under test, as `paygent start` runs it, but for the model, the chain and the limits, which count but refuse nobody. */
const server = await startServer(
  { port: 0 },
  {
    world: fakeWorld(),
    model: benchModel,
    tools: [noop, hold],
    messagesPerSecond: 1_000_000,
    env: {
      PAYGENT_REQUESTS_PER_USER: "1000000",
      PAYGENT_REQUESTS_PER_ADDRESS: "1000000",
      PAYGENT_SOCKETS_PER_USER: "1000000",
      PAYGENT_SOCKETS_PER_ADDRESS: "1000000",
      PAYGENT_EXECUTIONS_PER_USER: "1000000",
      ...process.env,
    },
    logger: pino({ level: "warn" }, pino.destination(2)),
  },
);
serveBench({ url: server.url, token: server.accessToken ?? "" }, () => server.close());
