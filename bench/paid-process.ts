import { pino } from "pino";
import { startServer } from "../src/server/start.ts";
import { serveBench } from "./child-protocol.ts";

/** Paygent as `paygent start` runs it, with the local chain, its facilitator and its merchant in this process. */
const server = await startServer(
  { port: 0 },
  { messagesPerSecond: 1_000_000, logger: pino({ level: "warn" }, pino.destination(2)) },
);
serveBench({ url: server.url, token: server.accessToken ?? "" }, () => server.close());
