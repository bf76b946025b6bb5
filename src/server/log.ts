import type { FastifyBaseLogger } from "fastify";
import { type DestinationStream, pino, stdSerializers } from "pino";
import type { Log } from "../runtime/log.ts";
import { withoutCredentials, withoutSecrets } from "./redact.ts";

/** The server's own logger: JSON lines without secrets, on standard output unless told. */
export function createLogger(level: string, destination: DestinationStream = pino.destination(1)): FastifyBaseLogger {
  return pino(
    {
      level,
      base: null,
      formatters: { log: safeFields },
      serializers: { err: readableError },
      hooks: { streamWrite: withoutCredentials },
    },
    destination,
  );
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

/** What has a serializer is left to it: it reads more than a copy has. */
function safeFields({ err, req, res, ...fields }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const left = Object.entries({ err, req, res }).filter(([, value]) => value !== undefined);
  return { ...withoutSecrets(fields), ...Object.fromEntries(left) };
}

function readableError(error: Error): unknown {
  try {
    return withoutSecrets({ error: stdSerializers.err(error) }).error;
  } catch {
    return { type: "Error", message: "An error that throws when it is read." };
  }
}

function withoutError(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name !== "err"));
}
