import { APICallError } from "@ai-sdk/provider";
import { PaygentError } from "../protocol/errors.ts";

/** Why one attempt at a model call failed, as far as trying again is concerned. */
export interface AttemptFailure {
  readonly isRetryable: boolean;
  /** Half a sentence without a subject: "answered HTTP 500". */
  readonly what: string;
  readonly status: number | undefined;
  /** How long the provider asked us to wait. */
  readonly retryAfterMs: number | undefined;
  /** Certainly not charged for: the provider refused the request, or never got it. */
  readonly costsNothing: boolean;
  /** The provider's own words, for the log. */
  readonly detail: string;
}

/** What ends an attempt that no provider's error describes. */
export class AttemptCut extends Error {
  override readonly name = "AttemptCut";
}

/** Reads what a provider threw. Anything that breaks off a begun stream may be tried again. */
export function readFailure(error: unknown, phase: "request" | "stream", now: number): AttemptFailure {
  if (error instanceof AttemptCut) {
    return {
      isRetryable: true,
      what: error.message,
      status: undefined,
      retryAfterMs: undefined,
      costsNothing: false,
      detail: error.message,
    };
  }
  const code = numberAt(error, "statusCode");
  // A provider's client reports an answer that broke off before its first event under its HTTP 200.
  const status = code !== undefined && code >= 400 ? code : undefined;
  const hasBegun = phase === "stream" || (code !== undefined && status === undefined);
  const headers = APICallError.isInstance(error) ? error.responseHeaders : undefined;
  const claim = flagAt(error, "isRetryable");
  const mayPass = hasBegun ? phase === "request" || claim !== false : claim === true;
  const isRetryable = status === undefined ? mayPass : [408, 409, 429].includes(status) || status >= 500;
  const broken = hasBegun ? "broke off in the middle of its answer" : "could not be reached";
  return {
    isRetryable,
    what: status === undefined ? broken : `answered HTTP ${status}`,
    status,
    retryAfterMs: retryAfter(headers, now),
    costsNothing: phase === "request" && (status === undefined ? wasNeverSent(error) : isRefusal(status)),
    detail: textOf(error),
  };
}

/** Answers of something in between: whether the provider itself was at work, nobody can tell. */
function isRefusal(status: number): boolean {
  const isFromBetween = [408, 499, 502, 504].includes(status) || (status >= 520 && status <= 527);
  return !isFromBetween;
}

const withoutConnection: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function wasNeverSent(error: unknown): boolean {
  let cause = error;
  for (let depth = 0; depth < 5 && cause !== undefined; depth += 1) {
    if (withoutConnection.has(propertyOf(cause, "code"))) return true;
    cause = propertyOf(cause, "cause");
  }
  return false;
}

/** The error that an execution ends with once the tries are used up. */
export function modelFailed(name: string, tries: number, failure: AttemptFailure): PaygentError {
  const times = tries === 1 ? "" : ` after ${tries} tries`;
  return new PaygentError(
    "model_failed",
    `The model ${name} failed${times}: its provider ${failure.what}. ${wayOut(failure.status)}`,
    {
      details: { model: name, tries, ...(failure.status === undefined ? {} : { status: failure.status }) },
      // The provider's error itself holds the whole request and its headers, which no log may see.
      cause: new Error(failure.detail),
    },
  );
}

function wayOut(status: number | undefined): string {
  if (status === 401 || status === 403) return "Check the provider's API key.";
  if (status === 404) return "Check that PAYGENT_MODEL names a model that the provider has.";
  if (status === 429) return "Wait a while, or raise the account's rate limit.";
  if (status !== undefined && status < 500)
    return "Choose another model, or start a new session if this one is very long.";
  return "Try again later, or choose another model.";
}

function retryAfter(headers: Record<string, string> | undefined, now: number): number | undefined {
  const exact = headers?.["retry-after-ms"];
  if (exact !== undefined && /^\d{1,9}$/.test(exact)) return Number(exact);
  const value = headers?.["retry-after"];
  if (value === undefined) return undefined;
  if (/^\d{1,6}(\.\d{1,3})?$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function textOf(error: unknown): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : (messageAt(error) ?? typeof error);
  // Some providers quote a part of the key that they refuse.
  return message.slice(0, 500).replace(/\b(?:sk|pk|key|AIza)[-_\w*.]{6,}/g, "[key]");
}

function propertyOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function numberAt(value: unknown, key: string): number | undefined {
  const found = propertyOf(value, key);
  return typeof found === "number" ? found : undefined;
}

function flagAt(value: unknown, key: string): boolean | undefined {
  const found = propertyOf(value, key);
  return typeof found === "boolean" ? found : undefined;
}

function messageAt(value: unknown): string | undefined {
  const found = propertyOf(value, "message");
  return typeof found === "string" ? found : undefined;
}
