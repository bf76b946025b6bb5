import { createHash } from "node:crypto";
import { PaygentError } from "../../protocol/errors.ts";
import { canonical } from "../../runtime/binding.ts";
import type { Identity } from "../auth.ts";
import type { Idempotency } from "./api.ts";
import type { Answer } from "./handler.ts";

/** Answers a request with an `Idempotency-Key` as it was answered the first time. */
export async function answerOnce(
  idempotency: Idempotency,
  request: { identity: Identity; key: string; address: string; body: unknown },
  work: () => Promise<Answer>,
): Promise<Answer> {
  const { identity, key, address, body } = request;
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) {
    throw new PaygentError("invalid_message", '"Idempotency-Key" must be 1 to 200 printable ASCII characters.');
  }
  const requestHash = createHash("sha256")
    .update(`${address}\n${JSON.stringify(canonical(body)) ?? ""}`)
    .digest("hex");
  const reply = await idempotency.run({ userId: identity.userId, key, requestHash }, async () => {
    const answer = await work();
    if (answer.kind !== "value") throw new TypeError("Only an answer with a value can be kept.");
    return { status: answer.status, body: JSON.stringify(answer.value), location: answer.location };
  });
  const { status, body: text, location } = reply;
  return { kind: "text", status, text, ...(location === undefined ? {} : { location }) };
}
