import * as z from "zod";

/** The closed list of error codes; the same on WebSocket and HTTP. */
export const ErrorCode = z.enum([
  "invalid_json",
  "invalid_message",
  "unknown_message_type",
  "message_too_large",
  "rate_limited",
  "unauthenticated",
  "forbidden",
  "not_found",
  "conflict",
  "session_busy",
  "already_decided",
  "rejected",
  "approval_expired",
  "execution_ended",
  "invalid_arguments",
  "budget_exceeded",
  "policy_denied",
  "quota_exceeded",
  "url_blocked",
  "tool_failed",
  "model_failed",
  "payment_terms_invalid",
  "payment_failed",
  "payment_unverified",
  "payment_unknown",
  "timeout",
  "interrupted",
  "unavailable",
  "internal",
]);
export type ErrorCode = z.infer<typeof ErrorCode>;

/**
 * The one error class. `message` is a sentence that names the thing and the way out and is safe to show;
 * what must stay in the log belongs in `cause`.
 */
export class PaygentError extends Error {
  override readonly name = "PaygentError";
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }
}

const httpStatuses: Record<ErrorCode, number> = {
  invalid_json: 400,
  invalid_message: 400,
  unknown_message_type: 400,
  message_too_large: 413,
  rate_limited: 429,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  session_busy: 409,
  already_decided: 409,
  rejected: 409,
  approval_expired: 409,
  execution_ended: 409,
  invalid_arguments: 422,
  budget_exceeded: 422,
  policy_denied: 403,
  quota_exceeded: 429,
  url_blocked: 422,
  tool_failed: 502,
  model_failed: 502,
  payment_terms_invalid: 502,
  payment_failed: 502,
  payment_unverified: 502,
  payment_unknown: 502,
  timeout: 504,
  interrupted: 503,
  unavailable: 503,
  internal: 500,
};

/** The HTTP status that goes with an error code. */
export function httpStatus(code: ErrorCode): number {
  return httpStatuses[code];
}
