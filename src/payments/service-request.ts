import { PaygentError } from "../protocol/errors.ts";
import type { ServiceResponse } from "../protocol/payment.ts";

const bodyLimitBytes = 1024 * 1024;
const timeLimitMs = 30_000;

export interface ServiceAnswer extends ServiceResponse {
  readonly headers: Headers;
}

/**
 * One GET of a service, within 30 seconds and 1 MiB, never following a redirect: a payment header must not
 * reach another host. Rejects with the signal's reason when aborted, else with `timeout` or `tool_failed`.
 */
export async function requestService(
  url: URL,
  options: { headers?: Readonly<Record<string, string>>; signal: AbortSignal },
): Promise<ServiceAnswer> {
  const timeLimit = AbortSignal.timeout(timeLimitMs);
  try {
    const response = await fetch(url, {
      headers: { accept: "application/json, text/*;q=0.9, */*;q=0.5", ...options.headers },
      redirect: "manual",
      signal: AbortSignal.any([options.signal, timeLimit]),
    });
    return {
      status: response.status,
      contentType: response.headers.get("content-type") ?? "",
      headers: response.headers,
      body: await readLimited(response, url),
    };
  } catch (cause) {
    options.signal.throwIfAborted();
    if (cause instanceof PaygentError) throw cause;
    if (timeLimit.aborted)
      throw new PaygentError("timeout", `${url.host} did not answer within 30 seconds; try again later.`, { cause });
    throw new PaygentError("tool_failed", `${url.host} could not be reached or broke off; try again later.`, { cause });
  }
}

async function readLimited(response: Response, url: URL): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > bodyLimitBytes)
      throw new PaygentError("tool_failed", `${url.host} answered with more than 1 MiB; ask for less at once.`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
