import { CreateTicket } from "../request-bodies.ts";
import { Health, Ticket } from "../resources.ts";
import type { Route } from "./route.ts";

/** Tickets, and whether the server is well. */
export const serverRoutes = {
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
