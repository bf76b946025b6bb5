import type { FastifyBaseLogger } from "fastify";
import { pino, stdSerializers } from "pino";
import type { Log } from "../runtime/log.ts";

/** The server's own logger: JSON lines on standard output. */
export function createLogger(level: string): FastifyBaseLogger {
  return pino({
    level,
    base: null,
    redact: ["*.authorization", "*.token", "*.header", "*.signature", "headers.authorization"],
    serializers: { err: readableError },
  });
}

/**
 * A log that never throws. What a tool or model throws may have a `message` that throws when it is read, and
 * whoever logs an error is about to end an execution or answer a client.
 */
export function reliableLog(logger: FastifyBaseLogger): Log {
  const write = (level: "info" | "warn" | "error") => (fields: object, message: string) => {
    try {
      logger[level](fields, message);
    } catch {
      logger[level](withoutError(fields), `${message}; its error cannot be written`);
    }
  };
  return { info: write("info"), warn: write("warn"), error: write("error") };
}

function readableError(error: Error): unknown {
  try {
    return stdSerializers.err(error);
  } catch {
    return { type: "Error", message: "An error that throws when it is read." };
  }
}

function withoutError(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== "err"));
}
