import { parseJson } from "../protocol/json-text.ts";
import type { ServiceResponse } from "../protocol/payment.ts";

const maxLength = 256 * 1024;

/** Whether a service delivered what was paid for. */
export function isDelivered({ status }: ServiceResponse): boolean {
  return status >= 200 && status < 300;
}

/** What a service delivered, as data: JSON where it is some, else text. */
export function contentOf(response: ServiceResponse) {
  const { status, contentType, body } = response;
  const base = { status, content_type: contentType };
  if (response.truncated || body.length > maxLength)
    return { ...base, body: body.slice(0, maxLength), truncated: true };
  if (!/\bjson\b/i.test(contentType)) return { ...base, body };
  try {
    return { ...base, body: parseJson(body) };
  } catch {
    // It is no JSON, or nested so deeply that writing it down would fail: what was sent is passed on as text.
    return { ...base, body };
  }
}
