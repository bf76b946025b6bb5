import { randomUUID } from "node:crypto";
import { PaygentError } from "../protocol/errors.ts";
import type { Approve } from "../protocol/messages.ts";
import { formatUsd, usdMicros } from "../protocol/money.ts";
import { PaymentTerms } from "../protocol/payment.ts";
import type { SpendRule } from "../protocol/spend-rule.ts";
import { type ApprovalRow, decideApproval } from "../store/approvals.ts";
import { insertSpendRule } from "../store/spend-rules.ts";
import type { Unit } from "../store/unit.ts";
import type { Caller } from "./access.ts";
import { isoTime } from "./clock.ts";
import { approvalFor, type DecisionRequest, decide, decisionData } from "./decision.ts";
import { judge, type Price } from "./policy.ts";
import type { Runtime } from "./runtime.ts";

/**
 * Lets a call run exactly as it was shown, with `remember` also those like it. Besides the refusals of
 * every decision it throws `policy_denied` and `budget_exceeded` when the session no longer allows it.
 */
export async function approve(runtime: Runtime, caller: Caller, request: DecisionRequest<Approve>): Promise<void> {
  const { input, ref } = request;
  const { approval } = await approvalFor(runtime, caller, request);
  await decide(runtime, caller, approval, async (unit, pending) => {
    checkStillAllowed(runtime, unit, pending);
    if (input.remember !== undefined) await remember(unit, pending, input.remember);
    await decideApproval(unit.tx, pending, {
      status: "approved",
      decidedBy: caller.userId,
      decidedAt: unit.at,
      reason: input.reason,
    });
    unit.append("approved", decisionData(pending, caller, "approved", input.reason), ref);
  });
}

/** What was asked about was allowed when it was asked; the policy may have changed since. */
function checkStillAllowed(runtime: Runtime, unit: Unit, approval: ApprovalRow): void {
  const { config } = unit.session;
  const tool = runtime.tools.get(approval.toolName);
  if (tool === undefined) {
    throw new PaygentError(
      "invalid_arguments",
      `The tool ${approval.toolName} is not there any more; reject the call.`,
    );
  }
  const verdict = judge({ tool, price: priceOfApproval(approval), config, rules: [] });
  if (verdict.kind === "deny") throw verdict.error;
  const limit = usdMicros(config.budget_usd);
  if (approval.micros > 0n && unit.spentMicros + unit.reservedMicros > limit) {
    const sentence = `The session's budget of ${formatUsd(limit)} USD no longer covers this. Raise budget_usd or reject the call.`;
    throw new PaygentError("budget_exceeded", sentence);
  }
}

function priceOfApproval(approval: ApprovalRow): Price {
  const terms = approval.terms === undefined ? undefined : PaymentTerms.parse(JSON.parse(approval.terms));
  const payees = [approval.request.payee, terms?.payTo].filter((payee) => payee !== undefined);
  return { micros: approval.micros, payees };
}

async function remember(unit: Unit, approval: ApprovalRow, rule: SpendRule): Promise<void> {
  if (rule.tool_name !== approval.toolName) {
    const sentence = `A rule that is made with this approval must be for ${approval.toolName}, not for ${rule.tool_name}.`;
    throw new PaygentError("invalid_arguments", sentence);
  }
  await insertSpendRule(unit.tx, {
    id: randomUUID(),
    sessionId: unit.session.id,
    userId: unit.session.userId,
    toolName: rule.tool_name,
    payee: rule.payee,
    maxMicros: usdMicros(rule.max_amount),
    totalMicros: rule.total === undefined ? undefined : usdMicros(rule.total),
    expiresAt: rule.expires_at === undefined ? undefined : isoTime(Date.parse(rule.expires_at)),
    createdAt: unit.at,
  });
}
