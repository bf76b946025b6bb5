import { type Connection, isExecutionEnd } from "../client/index.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { ApprovalRequired, ServerEvent } from "../protocol/events.ts";
import { usdMicros } from "../protocol/money.ts";
import { type Answer, askApproval, showRefusal } from "./approval-prompt.ts";
import type { LiveView } from "./live-view.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Whether `--approve-up-to` covers a request. It speaks of money only: a call that is asked about although
 * it costs nothing is a question of another kind and stays one.
 */
export function isCovered(request: ApprovalRequired, limitUsd: string | undefined): boolean {
  const cost = usdMicros(request.estimated_cost);
  return limitUsd !== undefined && cost > 0n && cost <= usdMicros(limitUsd);
}

export interface DecisionDesk {
  readonly connection: Connection;
  readonly terminal: Terminal;
  readonly view: LiveView;
  readonly onInterrupt: () => void;
}

/** Asks the person at the terminal until the request is decided, here or elsewhere. */
export async function decideAtTerminal(
  request: ApprovalRequired,
  desk: DecisionDesk,
  signal: AbortSignal,
): Promise<void> {
  const show = desk.view.hold();
  const elsewhere = new AbortController();
  const stop = desk.connection.on("event", (event) => {
    if (isEndOf(event, request)) elsewhere.abort();
  });
  const isDecided = AbortSignal.any([signal, elsewhere.signal]);
  try {
    while (!isDecided.aborted) {
      const answer = await askApproval(request, desk.terminal, isDecided);
      if (isDecided.aborted) return;
      if (answer.kind === "interrupted") {
        desk.onInterrupt();
        return;
      }
      if (await send(request, answer, desk.connection)) return;
    }
  } finally {
    stop();
    show();
  }
}

/** `false` when the server refuses the decision and the request stays open. */
async function send(
  { request_id }: ApprovalRequired,
  answer: Exclude<Answer, { kind: "interrupted" }>,
  connection: Connection,
): Promise<boolean> {
  try {
    if (answer.kind === "edit") await connection.edit(request_id, answer.args);
    else await connection[answer.kind](request_id, answer.reason === undefined ? {} : { reason: answer.reason });
    return true;
  } catch (error) {
    if (!(error instanceof PaygentError)) throw error;
    showRefusal(error.message);
    return !["invalid_arguments", "policy_denied", "budget_exceeded", "rate_limited"].includes(error.code);
  }
}

/** Whether there is nothing left to decide: somebody did, the time ran out, or the execution ended. */
function isEndOf(event: ServerEvent, request: ApprovalRequired): boolean {
  if (isExecutionEnd(event)) return event.data.execution_id === request.execution_id;
  const isDecision =
    event.type === "approved" ||
    event.type === "rejected" ||
    event.type === "edit_approved" ||
    event.type === "approval_expired";
  return isDecision && event.data.request_id === request.request_id;
}
