import * as z from "zod";
import { CancelBody, ExecuteBody } from "../request-bodies.ts";
import { Execution, pageOf } from "../resources.ts";
import { ofExecution, ofSession, paging, type Route } from "./route.ts";

/** Start, read and stop executions. */
export const executionRoutes = {
  execute: {
    method: "post",
    path: "/api/v1/sessions/{session_id}/executions",
    tag: "executions",
    summary: "Start an execution",
    scope: "execute",
    params: ofSession,
    body: ExecuteBody,
    responses: {
      201: { description: "The new execution", schema: Execution },
      200: { description: "The execution that this execution_id already started", schema: Execution },
    },
    errors: ["not_found", "invalid_message", "conflict", "session_busy", "quota_exceeded", "unavailable"],
  },
  listExecutions: {
    method: "get",
    path: "/api/v1/sessions/{session_id}/executions",
    tag: "executions",
    summary: "List a session's executions, newest first",
    scope: "read",
    params: ofSession,
    query: z.strictObject(paging),
    responses: { 200: { description: "One page", schema: pageOf(Execution) } },
    errors: ["not_found", "invalid_message"],
  },
  getExecution: {
    method: "get",
    path: "/api/v1/executions/{execution_id}",
    tag: "executions",
    summary: "Read an execution",
    scope: "read",
    params: ofExecution,
    responses: { 200: { description: "The execution", schema: Execution } },
    errors: ["not_found"],
  },
  cancelExecution: {
    method: "post",
    path: "/api/v1/executions/{execution_id}/cancel",
    tag: "executions",
    summary: "Stop an execution; its cancelled event says what became of calls in flight",
    scope: "execute",
    params: ofExecution,
    body: CancelBody.prefault({}),
    responses: { 202: { description: "The execution, which is stopping or has stopped", schema: Execution } },
    errors: ["not_found", "invalid_message", "execution_ended", "conflict"],
  },
} as const satisfies Record<string, Route>;
