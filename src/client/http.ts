import { PaygentError } from "../protocol/errors.ts";
import { newId } from "../protocol/new-id.ts";
import { Problem } from "../protocol/resources.ts";
import { readToken, type TokenSource } from "./access-token.ts";
import { defaultReconnect, reconnectDelayMs } from "./reconnect-delay.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below `/api/v1`, beginning with a slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  /** `text` where the answer's very bytes matter; else it is parsed. */
  readonly answer?: "text";
}

export type Send = <Answer>(request: HttpRequest) => Promise<Answer>;

const maxAttempts = 3;
const timeoutMs = 30_000;

/** Makes the function that all resources send with. Every request is safe to repeat, so lost ones are. */
export function createSend(baseUrl: string, token: TokenSource): Send {
  return async <Answer>(request: HttpRequest): Promise<Answer> => {
    const idempotencyKey = newId();
    let isTokenRetried = false;
    for (let attempt = 0; ; attempt += 1) {
      const response = await attemptOnce(baseUrl, await readToken(token), idempotencyKey, request);
      if (response instanceof Response) {
        // The caller names the type that the protocol gives for this path.
        if (response.ok) return (await answerOf(response, request.answer)) as Answer;
        const error = await problemOf(response);
        const mayTokenBeStale: boolean =
          error.code === "unauthenticated" && typeof token === "function" && !isTokenRetried;
        if (!mayTokenBeStale && (response.status !== 503 || attempt + 1 >= maxAttempts)) throw error;
        isTokenRetried ||= mayTokenBeStale;
        if (mayTokenBeStale) continue;
      } else if (attempt + 1 >= maxAttempts) throw response;
      await new Promise((resolve) => setTimeout(resolve, reconnectDelayMs(attempt, defaultReconnect, Math.random())));
    }
  };
}

async function attemptOnce(
  baseUrl: string,
  token: string,
  idempotencyKey: string,
  request: HttpRequest,
): Promise<Response | PaygentError> {
  const url = new URL(`${baseUrl}/api/v1${request.path}`);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const headers: Record<string, string> = { accept: "application/json", authorization: `Bearer ${token}` };
  if (request.method === "POST") headers["idempotency-key"] = idempotencyKey;
  if (request.body !== undefined) headers["content-type"] = "application/json";
  try {
    return await fetch(url, {
      method: request.method,
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
  } catch (cause) {
    return new PaygentError("unavailable", `Nothing answers at ${baseUrl}; check the address and that a server runs.`, {
      cause,
    });
  }
}

async function answerOf(response: Response, answer: HttpRequest["answer"]): Promise<unknown> {
  if (response.status === 204) return undefined;
  if (answer === "text") return response.text();
  try {
    return await response.json();
  } catch (cause) {
    throw new PaygentError(
      "unavailable",
      "The answer is not JSON; check that the address is that of a Paygent server.",
      {
        cause,
      },
    );
  }
}

async function problemOf(response: Response): Promise<PaygentError> {
  const body: unknown = await response.json().catch(() => undefined);
  const problem = Problem.partial({ type: true, title: true, status: true }).safeParse(body);
  if (!problem.success) {
    return new PaygentError(
      response.status === 401 ? "unauthenticated" : "unavailable",
      `The server answered ${response.status} without saying why; check that the address is that of a Paygent server.`,
      { details: { status: response.status } },
    );
  }
  const { code, detail, details, correlation_id } = problem.data;
  return new PaygentError(code, detail, {
    details: { ...details, ...(correlation_id === undefined ? {} : { correlation_id }) },
  });
}
