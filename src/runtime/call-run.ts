import type { PaygentError } from "../protocol/errors.ts";
import type { Cost, InFlight } from "../protocol/events.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import type { Store } from "../store/database.ts";
import type { Unit } from "../store/unit.ts";
import { type Admission, admit } from "./admit.ts";
import type { Bus } from "./bus.ts";
import type { CheckedCall } from "./checked-call.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { judge, noFacts } from "./policy.ts";
import { priceOf } from "./quoted-purchase.ts";
import type { Tool } from "./tool.ts";
import type { Wallet } from "./wallet.ts";
import type { Web } from "./web.ts";

/** What came of a call. `record` writes what must be committed together with its result. */
export interface CallOutcome {
  readonly result?: unknown;
  readonly error?: PaygentError;
  readonly cost?: Cost;
  /** Whether the execution ends with this error. */
  readonly isFatal?: boolean;
  record?(unit: Unit): Promise<void>;
}

/** What performing a call needs of the run that it belongs to. */
export interface CallRun {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly bus: Bus;
  readonly wallet: Wallet;
  readonly web: Web;
  readonly signal: AbortSignal;
  readonly sessionId: string;
  readonly config: SessionConfig;
  readonly executionId: string;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly subagentId: string | undefined;
  readonly stepCapMicros: bigint | undefined;
  commit<T>(work: (unit: Unit) => Promise<T>): Promise<T>;
  /** Refuses once the execution is taken over; for what goes out and cannot be rolled back. */
  confirm(): Promise<void>;
  /** Runs one thing with an effect at a time. */
  withEffect<T>(work: () => Promise<T>): Promise<T>;
  /** Notes what a cancellation at this moment would have to say of the call. */
  mark(outcome: InFlight["outcome"]): void;
}

/**
 * `undefined` when the call may run now, `waiting` when a human was asked. Throws why policy or a budget is
 * against it.
 */
export async function ifAdmitted(
  run: CallRun,
  call: CheckedCall,
  grant: ApprovalRow | undefined,
  also?: (unit: Unit) => Promise<void>,
): Promise<"waiting" | undefined> {
  if (grant !== undefined) return undefined;
  const { config, stepCapMicros } = run;
  const { tool } = call;
  const price = priceOf(tool, call.args, undefined);
  // What needs neither a question nor a note runs without a transaction.
  const isPlain = also === undefined && judge({ tool, price, config, facts: noFacts, stepCapMicros }).kind === "allow";
  if (isPlain) return undefined;
  const admission = await run.commit(async (unit) => {
    const admitted = await admit(unit, call);
    if (admitted.kind === "allowed") await also?.(unit);
    return admitted;
  });
  return unlessAllowed(admission);
}

/** `undefined` for an allowed call, `waiting` for one that was asked about. Throws the error of a refused one. */
export function unlessAllowed(admission: Admission): "waiting" | undefined {
  switch (admission.kind) {
    case "allowed":
      return undefined;
    case "asked":
      return "waiting";
    case "refused":
      throw admission.error;
  }
}
