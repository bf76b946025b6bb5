import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import ipaddr from "ipaddr.js";
import { Agent, buildConnector } from "undici";
import { PaygentError } from "../protocol/errors.ts";

type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface UrlGuardOptions {
  /** `host:port` entries, port always written, that may be reached although they are not public. */
  readonly allowedHosts?: Iterable<string>;
  readonly resolve?: Resolve;
}

/** Keeps the agent's requests to public addresses, and to hosts that were allowed by name and port. */
export interface UrlGuard {
  /** The parsed URL, or `url_blocked`. Checks all that can be known without asking for the host's addresses. */
  allowUrl(text: string): URL;
  /** An undici agent that connects only to addresses that were checked in the same moment; the caller closes it. */
  openAgent(): Agent;
}

/** Makes a guard. Every hop of a redirect needs its own `allowUrl`, and the agent must not follow any itself. */
export function createUrlGuard({ allowedHosts = [], resolve = resolveHost }: UrlGuardOptions = {}): UrlGuard {
  const allowed = new Set([...allowedHosts].map((entry) => entry.toLowerCase().replace(/[[\]]/g, "")));
  return {
    allowUrl(text) {
      const url = URL.parse(text);
      if (!url)
        throw new PaygentError("url_blocked", "This is no valid URL; give a whole one such as https://example.com/.");
      if (url.protocol !== "http:" && url.protocol !== "https:") {
        throw new PaygentError(
          "url_blocked",
          `Only http and https URLs can be reached, not ${url.protocol.slice(0, 20)}.`,
        );
      }
      if (url.username !== "" || url.password !== "") {
        throw new PaygentError(
          "url_blocked",
          "A URL with a user name or password in it cannot be reached; leave them out.",
        );
      }
      const port = url.port === "" ? defaultPort(url.protocol) : url.port;
      if (!allowed.has(`${withoutBrackets(url.hostname)}:${port}`)) refusePrivateName(url.hostname);
      return url;
    },
    openAgent() {
      return new Agent({
        connect: guardedConnector(allowed, resolve),
        connections: 1,
        headersTimeout: 20_000,
        bodyTimeout: 20_000,
      });
    },
  };
}

/** Whether an address is one of the public internet, and not this machine's own. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  // ipaddr.js calls IPv4-compatible addresses (::7f00:1) unicast; only 2000::/3 is global.
  if (parsed instanceof ipaddr.IPv6 && (parsed.parts[0] ?? 0) >> 13 !== 1) return false;
  return !ownAddresses().has(parsed.toString());
}

function guardedConnector(allowed: ReadonlySet<string>, resolve: Resolve): buildConnector.connector {
  const openFreely = buildConnector({ timeout: 10_000 });
  const openChecked = buildConnector({ timeout: 10_000, lookup: checkedLookup(resolve) });
  return (options, callback) => {
    const hostname = withoutBrackets(options.hostname.toLowerCase());
    const port = options.port || defaultPort(options.protocol);
    if (allowed.has(`${hostname}:${port}`)) {
      openFreely(options, callback);
      return;
    }
    // A literal address never reaches the lookup.
    if (isIP(hostname) && !isPublicAddress(hostname)) callback(blocked(hostname), null);
    else openChecked(options, callback);
  };
}

/** A `lookup` for sockets: the addresses that it hands on are the very ones that it checked. */
function checkedLookup(resolve: Resolve) {
  return (
    hostname: string,
    options: LookupOptions,
    callback: (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void,
  ): void => {
    resolve(hostname).then(
      (addresses) => {
        const [first] = addresses;
        // One private address among public ones is reason enough: a name like that is a trap.
        if (!first || addresses.some(({ address }) => !isPublicAddress(address))) callback(blocked(hostname), []);
        else if (options.all) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error("The name lookup failed."), []),
    );
  };
}

function refusePrivateName(hostname: string): void {
  const name = withoutBrackets(hostname).replace(/\.{1,8}$/, "");
  const isPrivate = isIP(name)
    ? !isPublicAddress(name)
    : name === "" || name === "localhost" || name.endsWith(".localhost");
  if (isPrivate) throw blocked(hostname);
}

function blocked(hostname: string): PaygentError {
  return new PaygentError(
    "url_blocked",
    `${hostname.slice(0, 100)} is not a public address, so the agent may not reach it; use a public one.`,
  );
}

function resolveHost(hostname: string): Promise<readonly LookupAddress[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly LookupAddress[]>();
  systemLookup(hostname, { all: true }, (error, addresses) => {
    if (error) reject(error);
    else resolve(addresses);
  });
  return promise;
}

function ownAddresses(): ReadonlySet<string> {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return new Set(own.map(({ address }) => ipaddr.parse(address).toString()));
}

function withoutBrackets(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function defaultPort(protocol: string): string {
  return protocol === "https:" ? "443" : "80";
}
