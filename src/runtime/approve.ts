import { PaygentError } from "../protocol/errors.ts";
import type { Approve } from "../protocol/messages.ts";
import { PaymentTerms } from "../protocol/payment.ts";
import { type ApprovalRow, decideApproval } from "../store/approvals.ts";
import type { Unit } from "../store/unit.ts";
import type { Caller } from "./access.ts";
import { stillCovered } from "./budget.ts";
import { type DecisionRequest, decide, decisionData } from "./decision.ts";
import { judge, type Price } from "./policy.ts";
import { policyFacts } from "./policy-facts.ts";
import { quorumOf, vote } from "./quorum.ts";
import { priceOf } from "./quoted-purchase.ts";
import { remember } from "./remember.ts";
import type { Runtime } from "./runtime.ts";
import type { Tool } from "./tool.ts";

/**
 * Lets a call run exactly as it was shown, with `remember` also those like it. Where several people must
 * approve it counts the vote, and the call runs once there are enough. Besides the refusals of every decision
 * it throws `policy_denied` and `budget_exceeded` when the session no longer allows it.
 */
export async function approve(runtime: Runtime, caller: Caller, request: DecisionRequest<Approve>): Promise<void> {
  const { input, ref } = request;
  const { reason } = input;
  await decide(runtime, caller, request, async (unit, pending) => {
    await requireStillAllowed(runtime, unit, pending);
    const needed = quorumOf(unit, pending);
    if (needed > 0 && input.remember !== undefined) {
      const sentence = "A payment that several people must approve leaves no rule behind. Approve without remember.";
      throw new PaygentError("invalid_arguments", sentence);
    }
    if (needed > 0 && !(await vote(unit, pending, { caller, needed, reason, ref }))) return "pending";
    if (input.remember !== undefined) await remember(unit, pending, input.remember);
    await decideApproval(unit.tx, pending, {
      status: "approved",
      decidedBy: caller.userId,
      decidedAt: unit.at,
      reason,
      policyVersion: unit.session.policyVersion,
    });
    unit.append("approved", decisionData(pending, caller, "approved", reason), ref);
    return "decided";
  });
}

/** What was asked about was allowed when it was asked; policy and budgets may have changed since. */
async function requireStillAllowed(runtime: Runtime, unit: Unit, approval: ApprovalRow): Promise<void> {
  const { config } = unit.session;
  const tool = runtime.tools.get(approval.toolName);
  if (tool === undefined) {
    throw new PaygentError(
      "invalid_arguments",
      `The tool ${approval.toolName} is not there any more; reject the call.`,
    );
  }
  const price = priceOfApproval(tool, approval);
  const facts = await policyFacts(unit.tx, unit.session, { tool, price, at: unit.at });
  const verdict = judge({ tool, price, config, facts });
  if (verdict.kind === "deny") throw verdict.error;
  // What costs nothing has set nothing aside.
  if (approval.terms === undefined) return;
  const key = { executionId: approval.executionId, toolId: approval.toolId };
  const uncovered = await stillCovered(unit, key);
  if (uncovered !== undefined) throw uncovered;
}

function priceOfApproval(tool: Tool, { args, payee, terms }: ApprovalRow): Price {
  if (terms === undefined || payee === undefined) return priceOf(tool, args, undefined);
  const frozen = PaymentTerms.parse(JSON.parse(terms));
  return priceOf(tool, args, { purchase: { url: frozen.url, payee }, terms: frozen });
}
