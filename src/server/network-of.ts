import ipaddr from "ipaddr.js";

/** What an address counts as. One of IPv6 stands for its /64: whoever has one of them has them all. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.parts.slice(0, 4).join(":") : parsed.toString();
}
