import type { PaygentError } from "../protocol/errors.ts";
import type { ErrorInfo } from "../protocol/events.ts";

/** An error as events and rows hold it. */
export function errorInfo({ code, message, details }: PaygentError): ErrorInfo {
  return { code, message, ...(details === undefined ? {} : { details }) };
}
