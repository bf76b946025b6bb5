import * as z from "zod";

const Ipv4 = z.ipv4();

/**
 * Whether a host, as a URL or a setting names it, is this machine and nothing that others can reach. What is
 * spelled in any other way is not: a name that only looks like such an address may be anybody's.
 */
export function isLoopback(hostname: string): boolean {
  if (hostname === "localhost" || hostname === "::1" || hostname === "[::1]") return true;
  return hostname.startsWith("127.") && Ipv4.safeParse(hostname).success;
}
