import { closeCodes } from "../protocol/close-codes.ts";
import { type ErrorCode, PaygentError } from "../protocol/errors.ts";

const reasons: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  [closeCodes.unsupportedData]: ["invalid_message", "The server refused a frame that was not text."],
  [closeCodes.policyViolation]: [
    "rate_limited",
    "The server closed the connection for too many or malformed messages; wait before connecting again.",
  ],
  [closeCodes.malformedQuery]: ["invalid_message", "The session id is not a UUID, or `lastSeq` is not a number."],
  [closeCodes.unauthenticated]: [
    "unauthenticated",
    "The access token is missing, wrong or expired; get a new one and connect again.",
  ],
  [closeCodes.forbidden]: ["forbidden", "This access token does not allow watching the session."],
  [closeCodes.notFound]: ["not_found", "There is no such session for this user; create one or check its id."],
  [closeCodes.terminated]: ["conflict", "The session was terminated; create a new one."],
};

/** What a close code that forbids another attempt means, as an error. */
export function closeReason(closeCode: number): PaygentError {
  const [code, message] = reasons[closeCode] ?? ["unavailable", `The server closed the connection (${closeCode}).`];
  return new PaygentError(code, message, { details: { close_code: closeCode } });
}
