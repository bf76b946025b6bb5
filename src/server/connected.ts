import { budgetOf } from "../protocol/budget.ts";
import type { LiveEventData } from "../protocol/events.ts";
import { subprotocol } from "../protocol/websocket.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { pendingOfSession } from "../store/approvals.ts";
import { openExecutions } from "../store/executions.ts";
import { freezesOfSession } from "../store/freezes.ts";
import type { SessionRow } from "../store/sessions.ts";
import { freezeView } from "./views.ts";

/**
 * What a client needs to draw its first screen. Approvals and executions are read after the session, so
 * they may be newer than `last_seq` says but never older: what is missing here comes as an event.
 */
export async function connectedData(
  runtime: Pick<Runtime, "store" | "modelNameOf">,
  session: SessionRow,
  userId: string,
  heartbeatMs: number,
): Promise<LiveEventData["connected"]> {
  const approvals = await pendingOfSession(runtime.store.db, session.id);
  const freezes = await freezesOfSession(runtime.store.db, session.id);
  const executions = await openExecutions(runtime.store.db, session.id);
  return {
    session_id: session.id,
    user_id: userId,
    last_seq: session.lastSeq,
    status: session.status,
    budget: budgetOf(session.config, session.spentMicros, session.reservedMicros),
    pending_approvals: approvals.map(({ request }) => request),
    executions: executions.map(({ id, command, status, createdAt }) => ({
      execution_id: id,
      command,
      status: openStatus(status),
      created_at: createdAt,
    })),
    frozen: freezes.map(freezeView),
    model: runtime.modelNameOf(session.config),
    heartbeat_ms: heartbeatMs,
    protocol: subprotocol,
  };
}

function openStatus(status: string): "queued" | "running" | "waiting" {
  if (status === "queued" || status === "running" || status === "waiting") return status;
  throw new Error(`An execution that has ended (${status}) was listed as open.`);
}
