import * as z from "zod";
import { CreateSession, PatchSession } from "../request-bodies.ts";
import { pageOf, Session } from "../resources.ts";
import { ofSession, paging, type Route } from "./route.ts";

/** Open, read, change and end sessions. */
export const sessionRoutes = {
  createSession: {
    method: "post",
    path: "/api/v1/sessions",
    tag: "sessions",
    summary: "Open a session",
    scope: "execute",
    body: CreateSession.prefault({}),
    responses: { 201: { description: "The new session", schema: Session } },
    errors: ["invalid_message", "quota_exceeded", "conflict"],
  },
  listSessions: {
    method: "get",
    path: "/api/v1/sessions",
    tag: "sessions",
    summary: "List your sessions, newest first",
    scope: "read",
    query: z.strictObject(paging),
    responses: { 200: { description: "One page", schema: pageOf(Session) } },
    errors: ["invalid_message"],
  },
  getSession: {
    method: "get",
    path: "/api/v1/sessions/{session_id}",
    tag: "sessions",
    summary: "Read a session",
    scope: "read",
    params: ofSession,
    responses: { 200: { description: "The session", schema: Session } },
    errors: ["not_found"],
  },
  patchSession: {
    method: "patch",
    path: "/api/v1/sessions/{session_id}",
    tag: "sessions",
    summary: "Change a session's title or some of its settings",
    scope: "approve",
    params: ofSession,
    body: PatchSession,
    responses: { 200: { description: "The session as it is now", schema: Session } },
    errors: ["not_found", "invalid_message", "conflict"],
  },
  deleteSession: {
    method: "delete",
    path: "/api/v1/sessions/{session_id}",
    tag: "sessions",
    summary: "Terminate a session: its executions are cancelled and its sockets closed; its log stays",
    scope: "execute",
    params: ofSession,
    responses: { 204: { description: "The session is terminated" } },
    errors: ["not_found"],
  },
} as const satisfies Record<string, Route>;
