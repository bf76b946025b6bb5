import { expect, test } from "vitest";
import { createLogger, reliableLog } from "./log.ts";

const secret = "c4n4ry-of-a-secret";

/** A logger of the server's own kind and what it wrote. */
function listen() {
  const lines: string[] = [];
  return { lines, logger: createLogger("info", { write: (line) => void lines.push(line) }) };
}

test.each([
  "passphrase",
  "password",
  "secret",
  "PAYGENT_AUTH_SECRET",
  "keystorePassphrase",
  "token",
  "access_token",
  "privateKey",
  "private_key",
  "mnemonic",
  "apiKey",
  "authorization",
  "Cookie",
  "set-cookie",
  "payment-signature",
  "PAYMENT-SIGNATURE",
  "x-payment",
  "signature",
  "rawHeaders",
])("a field named %s is not logged, however deep it lies", (name) => {
  const { lines, logger } = listen();
  const fields = { [name]: secret };
  const error = Object.assign(new Error("refused"), { ...fields, config: { headers: fields } });

  logger.info(fields, "at the top");
  logger.info({ request: { all: [{ headers: fields }] } }, "in a list");
  logger.error({ err: error }, "in an error");
  logger.error({ err: new AggregateError([error], "all refused") }, "in one of several errors");

  expect(lines).toHaveLength(4);
  for (const line of lines) {
    expect(line).not.toContain(secret);
    expect(line).toContain("[redacted]");
    JSON.parse(line);
  }
});

test.each([
  ["a database", `postgres://paygent:${secret}@db:5432/paygent`, "postgres://[redacted]@db:5432/paygent"],
  ["an unparsable database", `postgres://paygent:a/b?${secret}@db/paygent`, "postgres://[redacted]@db/paygent"],
  ["NATS", `nats://${secret}@nats:4222`, "nats://[redacted]@nats:4222"],
  ["a node with a key in its query", `https://rpc.example/?apikey=${secret}`, "https://rpc.example/?[redacted]"],
  ["a node with a key in its path", "https://rpc.example/v3/0123456789abcdef0123", "https://rpc.example/v3/[redacted]"],
  ["a socket", `/api/v1/ws?session_id=a&token=${secret}`, "/api/v1/ws?session_id=a&token=[redacted]"],
])("the address of %s is logged without its key", (_what, address, shown) => {
  const { lines, logger } = listen();
  const cause = new Error(`connect to "${address}" failed`);

  logger.error({ err: new Error("The start failed.", { cause }), at: [address] }, `cannot reach ${address} now`);

  const line = JSON.parse(lines[0] ?? "");
  expect(line).toMatchObject({ at: [shown], msg: `cannot reach ${shown} now` });
  expect(line.err.message).toBe(`The start failed.: connect to "${shown}" failed`);
  expect(line.err.stack).toContain(`connect to "${shown}" failed`);
});

test("tokens and payments are not logged, whatever text they stand in", () => {
  const { lines, logger } = listen();
  const encoded = Buffer.from(`{"alg":"HS256","kid":"${secret}"}`).toString("base64url");

  logger.warn({ answer: `got authorization: Bearer ${secret}` }, `the payment ${encoded}.e30.AAAA was refused`);

  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    answer: "got authorization: Bearer [redacted]",
    msg: "the payment [redacted] was refused",
  });
});

test("what an operator needs stays as it is", () => {
  const { lines, logger } = listen();
  const fields = {
    session_id: "0b8f3a52-3f5a-4d0f-9a2c-1f9f0c0f5b11",
    tx_hash: `0x${"ab".repeat(32)}`,
    url: "https://shop.example/reports/2026",
    status: 503,
    tokens_used: 12,
  };
  const error = new Error("no route");

  logger.error({ ...fields, err: error }, "request failed");

  const line = JSON.parse(lines[0] ?? "");
  expect(line).toMatchObject({ ...fields, msg: "request failed", err: { type: "Error", message: "no route" } });
  expect(line.err.stack).toBe(error.stack);
});

test("what is circular, endless or throws when it is read is logged all the same", () => {
  const { lines, logger } = listen();
  const circular: Record<string, unknown> = { many: Array.from({ length: 100_000 }, (_, index) => ({ index })) };
  circular.self = circular;
  const throwing = Object.defineProperty({}, "field", {
    enumerable: true,
    get() {
      throw new Error(secret);
    },
  });

  logger.error({ err: Object.assign(new Error("odd"), { circular }) }, "an odd error");
  logger.error({ throwing }, "a throwing field");
  reliableLog(logger).error({ err: throwing }, "a throwing error");

  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["an odd error", "a throwing field", "a throwing error"]);
  expect(lines.join("").length).toBeLessThan(50_000);
});
