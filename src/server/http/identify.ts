import type { FastifyRequest } from "fastify";
import type { Route } from "../../protocol/routes/route.ts";
import { unauthenticated } from "../../runtime/access.ts";
import type { Authenticator, Identity } from "../auth.ts";
import { credentialOf } from "../credential.ts";
import { isTicket } from "../ticket.ts";
import type { Api } from "./api.ts";

/**
 * Who sends a request, by its credential alone: `X-User-Id`, `X-Forwarded-For` and their like count for
 * nothing. A credential in the address is taken only where a browser cannot send a header: on a stream.
 */
export async function identify(
  request: FastifyRequest,
  route: Route,
  doors: { readonly authenticator: Authenticator; readonly api: Api; readonly sessionId: string | undefined },
): Promise<Identity> {
  const query = new URLSearchParams(route.streams ? searchOf(request.url) : "");
  const credential = credentialOf(request.raw.rawHeaders, query);
  if (credential === undefined || credential.source === "subprotocol") throw unauthenticated("no credential");
  if (credential.source === "query" && isTicket(credential.token)) {
    if (doors.sessionId === undefined) throw unauthenticated("a ticket without a session");
    return doors.api.redeemTicket(credential.token, doors.sessionId);
  }
  return doors.authenticator.authenticate(credential.token);
}

function searchOf(url: string): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start + 1);
}
