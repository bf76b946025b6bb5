import type { SessionConfig } from "../protocol/session-config.ts";
import type { StoredEvent } from "../store/event-log.ts";
import type { ExecutionRow } from "../store/executions.ts";
import type { Claim } from "./run-log.ts";

/** What a command keeps of a node's room from its claim until the run has begun, or the command has come to nothing. */
export interface RunPlace extends Disposable {
  /** Takes a place, once however often it is asked, and says whether there is one. */
  take(): boolean;
}

/** Where commands hand over what they have claimed or changed, once it is committed. */
export interface Dispatcher {
  /** For a command that may claim an execution. A newcomer gets none while others wait for one. */
  place(options?: { isNewcomer?: boolean }): RunPlace;
  /** Works on an execution that the caller has claimed for this node. `known` are its events, where they are all at hand. */
  start(
    claimed: Claim,
    execution: ExecutionRow,
    config: SessionConfig,
    known: readonly StoredEvent[] | undefined,
  ): void;
  /** Says that the log of an execution has grown. */
  poke(executionId: string): void;
  /** Stops the run of an execution whose cancellation is committed. */
  cancel(executionId: string): void;
  /** Says that a session may have room for what is queued in it. */
  sessionFreed(sessionId: string): void;
  /** Says that something was left for whichever node has room. */
  offer(): void;
}
