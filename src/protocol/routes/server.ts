import { CreateTicket } from "../request-bodies.ts";
import { Health, IdentityInfo, Ticket } from "../resources.ts";
import { Revocation, RevokeTokens } from "../revocation.ts";
import type { Route } from "./route.ts";

/** Identity, tickets, revocations, and whether the server is well. */
export const serverRoutes = {
  readIdentity: {
    method: "get",
    path: "/api/v1/identity",
    tag: "tickets",
    summary: "Read who your credential says you are, and what it lets you do",
    scope: "read",
    responses: { 200: { description: "The identity", schema: IdentityInfo } },
    errors: [],
  },
  createTicket: {
    method: "post",
    path: "/api/v1/tickets",
    tag: "tickets",
    summary: "Make a single-use credential, valid for 30 seconds, for one session's WebSocket or event stream",
    scope: "read",
    body: CreateTicket,
    responses: { 201: { description: "The ticket; give it as ?token=", schema: Ticket } },
    errors: ["not_found", "invalid_message"],
    isSecret: true,
  },
  revokeTokens: {
    method: "post",
    path: "/api/v1/revocations",
    tag: "tickets",
    summary: "End one token by its jti, or all tokens of a user that were issued before now; twice is once",
    scope: "admin",
    body: RevokeTokens,
    responses: { 201: { description: "The revocation that holds", schema: Revocation } },
    errors: ["invalid_message", "conflict"],
  },
  checkLive: {
    method: "get",
    path: "/health/live",
    tag: "health",
    summary: "Whether the process answers",
    scope: "none",
    responses: { 200: { description: "It does", schema: Health } },
    errors: [],
  },
  checkReady: {
    method: "get",
    path: "/health/ready",
    tag: "health",
    summary: "Whether the server can take work",
    scope: "none",
    responses: {
      200: { description: "It can", schema: Health },
      503: { description: "It cannot now; checks says why", schema: Health },
    },
    errors: [],
  },
} as const satisfies Record<string, Route>;
