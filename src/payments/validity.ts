import { PaygentError } from "../protocol/errors.ts";

const shortestWindowSeconds = 30;
const longestWindowSeconds = 600;

/**
 * Until when, in Unix seconds, an authorization is good that is signed `now`: as long as the terms ask, within
 * our own limits, and not past `notAfter` (milliseconds). Throws `approval_expired` when that is over already.
 */
export function validUntil(
  now: number,
  { maxTimeoutSeconds, notAfter }: { readonly maxTimeoutSeconds: number; readonly notAfter: number },
): number {
  const window = Math.min(Math.max(maxTimeoutSeconds, shortestWindowSeconds), longestWindowSeconds);
  const validBefore = Math.min(now + window, Math.floor(notAfter / 1000));
  if (validBefore <= now)
    throw new PaygentError("approval_expired", "The approval's time is over, so nothing was signed; ask again.");
  return validBefore;
}
