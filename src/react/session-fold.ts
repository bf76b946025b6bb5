import type { ConnectionStatus } from "../client/event-socket.ts";
import type { ApprovalRequired, Budget, DurableEvent, ServerEvent } from "../protocol/events.ts";
import type { Freeze } from "../protocol/freeze.ts";
import { ExecutionFold } from "./execution-fold.ts";
import { afterFreeze } from "./frozen.ts";
import type { ExecutionView } from "./timeline.ts";

/** A session as it is on the screen. It changes as a whole; what did not change stays the same object. */
export interface SessionView {
  /** `closed` with an error when the server refused the session or the credential. */
  readonly connection: ConnectionStatus;
  /** Whether the history is here, up to where the session stood at the last connect. */
  readonly isCaughtUp: boolean;
  readonly userId?: string;
  readonly model?: string;
  readonly budget?: Budget;
  readonly isTerminated: boolean;
  /** What stops the session's payments now; empty when nothing does. */
  readonly frozen: readonly Freeze[];
  /** The oldest event that the server keeps; those before it are in its archive. */
  readonly firstSeq: number;
  /** Every durable event that is kept, in order. */
  readonly events: readonly DurableEvent[];
  /** In the order in which they were given. */
  readonly executions: readonly ExecutionView[];
  /** The requests that wait for a decision, oldest first. */
  readonly approvals: readonly ApprovalRequired[];
}

/** Makes a session's view of its events, and knows nothing of connections but what it is told. */
export class SessionFold {
  readonly #executions = new Map<string, ExecutionFold>();
  readonly #approvals = new Map<string, ApprovalRequired>();
  #events: DurableEvent[] = [];
  #budget: Budget | undefined;
  #userId: string | undefined;
  #model: string | undefined;
  #isTerminated = false;
  #frozen: readonly Freeze[] = [];
  #firstSeq = 1;
  /** Where the log ended when the socket connected; undefined before the first connect. */
  #target: number | undefined;

  apply(event: ServerEvent): void {
    if (event.seq !== undefined) return this.#applyDurable(event);
    switch (event.type) {
      case "connected": {
        const { last_seq, user_id, model, status, budget, frozen } = event.data;
        this.#target = last_seq;
        this.#userId = user_id;
        this.#model = model;
        this.#budget = budget;
        this.#isTerminated = status === "terminated";
        this.#frozen = frozen;
        for (const execution of this.#executions.values()) execution.dropLiveText();
        return;
      }
      case "resync":
        return this.#forget(event.data);
      case "text_delta":
        this.#executions.get(event.data.execution_id)?.applyDelta(event.data, event.timestamp);
        return;
      case "freeze":
        this.#frozen = afterFreeze(this.#frozen, event.data, event.timestamp);
        return;
      case "execution_started":
      case "error":
      case "pong":
        return;
    }
  }

  view(connection: ConnectionStatus): SessionView {
    const lastSeq = this.#events.at(-1)?.seq ?? this.#firstSeq - 1;
    return {
      connection,
      isCaughtUp: this.#target !== undefined && lastSeq >= this.#target,
      ...(this.#userId === undefined ? {} : { userId: this.#userId }),
      ...(this.#model === undefined ? {} : { model: this.#model }),
      ...(this.#budget === undefined ? {} : { budget: this.#budget }),
      isTerminated: this.#isTerminated,
      frozen: this.#frozen,
      firstSeq: this.#firstSeq,
      events: this.#events.slice(),
      executions: [...this.#executions.values()].map((execution) => execution.view),
      approvals: [...this.#approvals.values()],
    };
  }

  #applyDurable(event: DurableEvent): void {
    this.#events.push(event);
    switch (event.type) {
      case "execution_started":
        this.#executions.set(event.data.execution_id, new ExecutionFold(event));
        break;
      case "budget": {
        const { limit, spent, reserved, remaining } = event.data;
        this.#budget = { limit, spent, reserved, remaining };
        break;
      }
      case "approval_required":
        this.#approvals.set(event.data.request_id, event.data);
        break;
      case "approved":
      case "rejected":
      case "edit_approved":
      case "approval_expired":
        this.#approvals.delete(event.data.request_id);
        break;
      case "complete":
      case "cancelled":
      case "error":
        if (event.type === "error" && !event.data.fatal) break;
        for (const [id, { execution_id }] of this.#approvals) {
          if (execution_id === event.data.execution_id) this.#approvals.delete(id);
        }
        break;
      case "freeze":
        // `connected` said what held at its end; a lift that came while nothing was under way is in no log.
        if (this.#target === undefined || event.seq > this.#target) {
          this.#frozen = afterFreeze(this.#frozen, event.data, event.timestamp);
        }
        break;
      case "thinking":
      case "plan":
      case "tool_call":
      case "tool_result":
      case "subagent_start":
      case "subagent_end":
        break;
    }
    const executionId = "execution_id" in event.data ? event.data.execution_id : undefined;
    if (executionId !== undefined) this.#executions.get(executionId)?.apply(event);
  }

  #forget({ first_seq, last_seq }: { readonly first_seq: number; readonly last_seq: number }): void {
    this.#executions.clear();
    this.#approvals.clear();
    this.#events = [];
    this.#firstSeq = first_seq;
    this.#target = last_seq;
  }
}

/** What a session looked like after some of its events; for looking back in time. */
export function foldEvents(events: readonly DurableEvent[]): SessionView {
  const fold = new SessionFold();
  for (const event of events) fold.apply(event);
  return fold.view({ state: "closed" });
}
