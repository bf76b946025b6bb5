import type { Problem } from "../../protocol/resources.ts";
import { problemOf } from "../problem.ts";

const maxHeaders = 200;

/** What Node lets through and no honest client sends; for plain requests and upgrades alike. */
export function refuseHead(rawHeaders: readonly string[]): Problem | undefined {
  if (rawHeaders.length / 2 > maxHeaders) {
    return problemOf(431, "invalid_message", `The request has more than ${maxHeaders} headers; send fewer.`);
  }
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  if (hosts.length > 1) return problemOf(400, "invalid_message", "The request has two Host headers; send one.");
  return undefined;
}

/** Whether a browser page of this origin may talk to the server; only an exact match will do. */
export function isAllowedOrigin(origin: string, allowedOrigins: readonly string[]): boolean {
  return allowedOrigins.includes(origin);
}
