import { STATUS_CODES } from "node:http";
import { type ErrorCode, httpStatus, PaygentError } from "../protocol/errors.ts";
import type { Problem } from "../protocol/resources.ts";

/** Whether the thing never existed or is somebody else's must not show, so there is one sentence for both. */
const notFound = "There is no such thing here, or it is not yours; check the address and the id.";

/** All that a client is told of what went wrong inside. */
export const internalDetail = "Something went wrong on the server; try again, and name the correlation id if it stays.";

/** Whether an error says what a client may see of it. */
export function isForClient(error: unknown): error is PaygentError {
  return error instanceof PaygentError && error.code !== "internal";
}

/** What Fastify itself refuses, by its error code. */
const refusals: Readonly<Record<string, { status: number; code: ErrorCode; detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    code: "message_too_large",
    detail: "The body is larger than 64 KiB; send less.",
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: "invalid_message",
    detail: "The content type is not supported; send the body as application/json.",
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    code: "invalid_message",
    detail: "The body is not as long as Content-Length says.",
  },
  FST_ERR_NOT_FOUND: { status: 404, code: "not_found", detail: notFound },
  FST_ERR_BAD_URL: { status: 404, code: "not_found", detail: notFound },
  FST_ERR_MAX_PARAM_LENGTH: { status: 404, code: "not_found", detail: notFound },
};

/** Problem details with a status that may be finer than the one that goes with the code. */
export function problemOf(status: number, code: ErrorCode, detail: string): Problem {
  return { type: `urn:paygent:problem:${code}`, title: STATUS_CODES[status] ?? "Error", status, detail, code };
}

/**
 * Any error as what a client may see of it. Errors that are not the client's doing carry the correlation id
 * under which the caller logs them, and nothing of what went wrong inside.
 */
export function problem(error: unknown, correlationId: string): Problem {
  if (isForClient(error)) {
    const status = httpStatus(error.code);
    const body = problemOf(status, error.code, error.code === "not_found" ? notFound : error.message);
    return {
      ...body,
      ...(error.details === undefined || error.code === "not_found" ? {} : { details: error.details }),
      ...(status >= 500 ? { correlation_id: correlationId } : {}),
    };
  }
  const refusal = refusals[codeOf(error)];
  if (refusal !== undefined) return problemOf(refusal.status, refusal.code, refusal.detail);
  return { ...problemOf(500, "internal", internalDetail), correlation_id: correlationId };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
