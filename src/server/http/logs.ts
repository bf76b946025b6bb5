import { logEntry } from "../../store/event-log.ts";
import type { Api, LogSlice } from "./api.ts";
import { decodeSeqCursor } from "./cursor.ts";
import { type Answer, type Handlers, value } from "./handler.ts";

export function logHandlers(api: Api): Handlers<"readLog" | "readExecutionLog" | "summarizeLog"> {
  return {
    async readLog({ identity, query }) {
      const slice = await api.readLog(identity, {
        sessionId: query.session_id,
        executionId: query.execution_id,
        type: query.type,
        from: query.from,
        to: query.to,
        afterSeq: decodeSeqCursor(query.cursor),
        limit: query.limit + 1,
      });
      return logPage(slice, query.limit);
    },
    async readExecutionLog({ identity, params, query }) {
      const slice = { afterSeq: decodeSeqCursor(query.cursor), limit: query.limit + 1 };
      return logPage(await api.readExecutionLog(identity, params.execution_id, slice), query.limit);
    },
    async summarizeLog({ identity, params }) {
      return value(200, await api.summarizeLog(identity, params.session_id));
    },
  };
}

/** The hash covers the event's bytes, so they are passed on as they are, with the hash as one more member. */
function logPage({ lines, archived }: LogSlice, limit: number): Answer {
  const shown = lines.slice(0, limit);
  const entries = shown.map(logEntry);
  const next = lines.length > limit ? `"${shown.at(-1)?.seq}"` : "null";
  const missing = archived === undefined ? "" : `,"archived":${JSON.stringify(archived)}`;
  return { kind: "text", status: 200, text: `{"data":[${entries.join(",")}],"next_cursor":${next}${missing}}` };
}
