import { bearerSubprotocol } from "../protocol/websocket.ts";
import { unauthenticated } from "../runtime/access.ts";

/** A credential as a client gave it, and where; a ticket and a token can both stand in the query. */
export interface Credential {
  readonly source: "header" | "subprotocol" | "query";
  readonly token: string;
}

/**
 * The credential of a request: `Authorization`, then the `paygent.bearer.` subprotocol, then `?token=`. The
 * first one present counts, and one that is empty, doubled or malformed throws `unauthenticated`; it is never
 * skipped for the next. `undefined` when there is none. Takes `rawHeaders`, because Node's parsed headers
 * silently drop a second `Authorization`.
 */
export function credentialOf(rawHeaders: readonly string[], query: URLSearchParams): Credential | undefined {
  const authorization = headerValues(rawHeaders, "authorization");
  if (authorization.length > 0) return { source: "header", token: bearerToken(authorization) };

  const offered = headerValues(rawHeaders, "sec-websocket-protocol")
    .flatMap((value) => value.split(","))
    .map((name) => name.trim())
    .filter((name) => name.startsWith(bearerSubprotocol));
  if (offered.length > 0) {
    return { source: "subprotocol", token: onlyToken(offered.map((name) => name.slice(bearerSubprotocol.length))) };
  }

  const inQuery = query.getAll("token");
  return inQuery.length > 0 ? { source: "query", token: onlyToken(inQuery) } : undefined;
}

function headerValues(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}

function bearerToken(values: readonly string[]): string {
  const [value] = values;
  const match = values.length === 1 ? /^bearer ([^ ]+)$/i.exec(value ?? "") : null;
  return onlyToken(match?.[1] === undefined ? [] : [match[1]]);
}

function onlyToken(tokens: readonly string[]): string {
  const [token] = tokens;
  if (tokens.length !== 1 || token === undefined || !/^[A-Za-z0-9._~+/=-]+$/.test(token)) {
    throw unauthenticated("empty, doubled or malformed credential");
  }
  return token;
}
