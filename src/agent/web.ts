import type { Dispatcher } from "undici";
import { PaygentError } from "../protocol/errors.ts";
import type { ServiceResponse } from "../protocol/payment.ts";
import { isSafe, type PageAnswer, type PageRequest, type Web } from "../runtime/web.ts";
import type { UrlGuard } from "./url-guard.ts";

const maxRedirects = 5;
const maxBodyBytes = 256 * 1024;
const timeoutMs = 20_000;
const readableType = /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|javascript|x-ndjson|yaml)\b)/i;

/** The web as the agent may reach it: each request within 20 seconds, to addresses that the guard lets through. */
export function guardedWeb(guard: UrlGuard): Web {
  return {
    ask: (request, signal, requireHost) =>
      withAgent(guard, request.url, signal, async (agent, until) =>
        follow({ guard, agent, request, until, requireHost }),
      ),
    pay: (request, payment, signal) =>
      withAgent(guard, request.url, signal, async (agent, until) => {
        const url = guard.allowUrl(request.url);
        const answer = await send(agent, url, request, { until, headers: { "payment-signature": payment } });
        return readBody(answer);
      }),
  };
}

async function withAgent<Result>(
  guard: UrlGuard,
  url: string,
  signal: AbortSignal,
  work: (agent: Dispatcher, until: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const agent = guard.openAgent();
  try {
    return await work(agent, AbortSignal.any([signal, deadline]));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PaygentError) throw error;
    const host = URL.parse(url)?.host ?? "The page";
    if (deadline.aborted)
      throw new PaygentError("timeout", `${host} did not answer within 20 seconds; try again later.`);
    throw new PaygentError("tool_failed", `${host} could not be reached; check the URL or try again later.`, {
      cause: error,
    });
  } finally {
    await agent.destroy();
  }
}

async function follow({
  guard,
  agent,
  request,
  until,
  requireHost,
}: {
  readonly guard: UrlGuard;
  readonly agent: Dispatcher;
  readonly request: PageRequest;
  readonly until: AbortSignal;
  readonly requireHost: (host: string) => void;
}): Promise<PageAnswer> {
  let url = guard.allowUrl(request.url);
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    requireHost(url.host);
    const answer = await send(agent, url, request, { until });
    const location = textOf(answer.headers.location);
    // A body is not carried on to where it was not meant for.
    if (isSafe(request) && location !== undefined && [301, 302, 303, 307, 308].includes(answer.statusCode)) {
      // The body of a redirect is of no use; destroying it may report an abort that nobody needs to hear.
      answer.body.on("error", () => undefined).destroy();
      const next = guard.allowUrl(URL.parse(location, url.href)?.href ?? location);
      if (url.protocol === "https:" && next.protocol === "http:") throw downgraded(url, next);
      url = next;
      continue;
    }
    const paymentRequired = answer.statusCode === 402 ? textOf(answer.headers["payment-required"]) : undefined;
    return { url: url.href, response: await readBody(answer), paymentRequired };
  }
  const { host } = new URL(request.url);
  throw new PaygentError("tool_failed", `${host} redirects more than ${maxRedirects} times; give the final URL.`);
}

/** Whoever is in between could then say what is to be paid, and to whom. */
function downgraded(from: URL, to: URL): PaygentError {
  return new PaygentError(
    "url_blocked",
    `${from.host} redirects from https to http, which is not followed; ask ${to.host} itself if it should be reached unprotected.`,
  );
}

function send(
  agent: Dispatcher,
  url: URL,
  { method, body }: PageRequest,
  { until, headers = {} }: { until: AbortSignal; headers?: Readonly<Record<string, string>> },
): Promise<Dispatcher.ResponseData> {
  return agent.request({
    origin: url.origin,
    path: url.pathname + url.search,
    // undici's type lists the methods that it knows; the tool's schema admits no other.
    method: method as Dispatcher.HttpMethod,
    signal: until,
    ...(body === undefined ? {} : { body }),
    headers: {
      accept: "*/*",
      "accept-encoding": "identity",
      "user-agent": "paygent",
      ...(body === undefined ? {} : { "content-type": contentTypeOf(body) }),
      ...headers,
    },
  });
}

function contentTypeOf(body: string): string {
  try {
    JSON.parse(body);
    return "application/json";
  } catch {
    return "text/plain; charset=utf-8";
  }
}

async function readBody({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<ServiceResponse> {
  const contentType = textOf(headers["content-type"]) ?? "";
  const page = { status: statusCode, contentType };
  const isText = contentType === "" || readableType.test(contentType);
  if (!isText || textOf(headers["content-encoding"]) !== undefined) {
    body.on("error", () => undefined).destroy();
    return { ...page, body: "" };
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBodyBytes) break;
  }
  const text = Buffer.concat(chunks).subarray(0, maxBodyBytes).toString("utf8");
  return size > maxBodyBytes ? { ...page, body: text, truncated: true } : { ...page, body: text };
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
