import * as z from "zod";
import { Id } from "../ids.ts";
import { EventsPage, LogPage, LogSummary } from "../resources.ts";
import { ofExecution, ofSession, paging, type Route, Timestamp, wholeNumber } from "./route.ts";

/** Read a session's events, live or with their hash chain. */
export const logRoutes = {
  readEvents: {
    method: "get",
    path: "/api/v1/sessions/{session_id}/events",
    tag: "events",
    summary:
      "Read a session's events after after_seq, as JSON; or follow them with Accept: text/event-stream (Last-Event-ID wins over after_seq)",
    scope: "read",
    params: ofSession,
    query: z.strictObject({
      after_seq: wholeNumber(0, 999_999_999_999_999, 0),
      limit: wholeNumber(1, 1000, 200),
      token: z.string().optional(),
    }),
    responses: { 200: { description: "The events in order", schema: EventsPage } },
    errors: ["not_found", "invalid_message"],
    streams: true,
  },
  readLog: {
    method: "get",
    path: "/api/v1/logs",
    tag: "logs",
    summary: "Read a session's log with its hash chain, oldest first",
    scope: "read",
    query: z.strictObject({
      ...paging,
      session_id: Id,
      execution_id: Id.optional(),
      type: z.string().min(1).max(64).optional(),
      from: Timestamp.optional(),
      to: Timestamp.optional(),
    }),
    responses: { 200: { description: "One page", schema: LogPage } },
    errors: ["not_found", "invalid_message"],
  },
  readExecutionLog: {
    method: "get",
    path: "/api/v1/logs/{execution_id}",
    tag: "logs",
    summary: "Read an execution's part of the log, oldest first",
    scope: "read",
    params: ofExecution,
    query: z.strictObject(paging),
    responses: { 200: { description: "One page", schema: LogPage } },
    errors: ["not_found", "invalid_message"],
  },
  summarizeLog: {
    method: "get",
    path: "/api/v1/logs/{session_id}/summary",
    tag: "logs",
    summary: "Sum up a session's log",
    scope: "read",
    params: ofSession,
    responses: { 200: { description: "The summary", schema: LogSummary } },
    errors: ["not_found"],
  },
} as const satisfies Record<string, Route>;
