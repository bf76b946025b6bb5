import { leftOf } from "../protocol/budget.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { ApprovalRequired } from "../protocol/events.ts";
import { formatUnits, formatUsd, usdMicros } from "../protocol/money.ts";
import { newId } from "../protocol/new-id.ts";
import { countPendingApprovals, insertApproval } from "../store/approvals.ts";
import { findPayee } from "../store/payees.ts";
import type { Unit } from "../store/unit.ts";
import { boundHash } from "./binding.ts";
import type { CheckedCall } from "./checked-call.ts";
import { isoTime } from "./clock.ts";
import { approvalsNeeded } from "./policy.ts";
import type { QuotedPurchase } from "./quoted-purchase.ts";
import { untrustedText } from "./untrusted-text.ts";

const maxPendingApprovals = 500;

/** Why a call is asked about, and what it would buy. */
export interface Asking {
  readonly rule: string;
  readonly reason: string;
  readonly quote?: QuotedPurchase | undefined;
}

/** Writes a pending approval and the event that shows it; gives the refusal when too many wait already. */
export async function requestApproval(
  unit: Unit,
  call: CheckedCall,
  { rule, reason, quote }: Asking,
): Promise<PaygentError | undefined> {
  const { session, execution } = unit;
  if ((await countPendingApprovals(unit.tx, session.id)) >= maxPendingApprovals) {
    const sentence = `${maxPendingApprovals} approvals of this session are waiting already; decide some of them first.`;
    return new PaygentError("quota_exceeded", sentence);
  }
  const micros = BigInt(quote?.terms.usdMicros ?? 0);
  const needed = approvalsNeeded(session.config, micros);
  const request: ApprovalRequired = {
    session_id: session.id,
    execution_id: execution.id,
    ...(call.subagentId === undefined ? {} : { subagent_id: call.subagentId }),
    request_id: newId(),
    tool_id: call.toolId,
    tool_name: call.tool.name,
    tool_args: call.args,
    reason,
    rule,
    policy_version: session.policyVersion,
    ...(needed === 0 ? {} : { approvals_needed: needed }),
    ...(await priceCard(unit, quote)),
    expires_at: isoTime(Date.parse(unit.at) + session.config.approval_timeout_s * 1000),
    budget: budgetCard(unit, micros),
  };
  const terms = quote === undefined ? undefined : JSON.stringify(quote.terms);
  const bound = {
    toolName: call.tool.name,
    args: call.args,
    payee: quote?.purchase.payee,
    terms,
    expiresAt: request.expires_at,
    policyVersion: session.policyVersion,
  };
  await insertApproval(unit.tx, {
    ...bound,
    id: request.request_id,
    sessionId: session.id,
    executionId: execution.id,
    userId: session.userId,
    toolId: call.toolId,
    subagentId: call.subagentId,
    boundHash: boundHash(bound),
    approvalsNeeded: needed,
    micros,
    request,
    createdAt: unit.at,
  });
  unit.append("approval_required", request);
  return undefined;
}

async function priceCard(unit: Unit, quote: QuotedPurchase | undefined) {
  // A facilitator of x402 takes nothing from either side of an exact payment; gas is the settler's.
  if (quote === undefined) return { amount: "0.00", currency: "USD", fee: "0.00", estimated_cost: "0.00" };
  const { purchase, terms } = quote;
  const key = { userId: unit.session.userId, network: terms.network, address: terms.payTo };
  const known = await findPayee(unit.tx, key);
  const description = untrustedText(terms.description ?? "");
  return {
    amount: formatUnits(BigInt(terms.amount), terms.decimals),
    currency: terms.currency,
    fee: "0.00",
    estimated_cost: formatUsd(BigInt(terms.usdMicros)),
    payee: purchase.payee,
    payee_address: terms.payTo,
    payee_paid_before: known !== undefined,
    ...(known === undefined
      ? {}
      : {
          payee_history: {
            payments: known.payments,
            total_usd: formatUsd(known.micros),
            last_paid_at: known.lastPaidAt,
          },
        }),
    network: terms.network,
    asset: terms.asset,
    resource: terms.url,
    quote_expires_at: isoTime(Date.parse(unit.at) + terms.maxTimeoutSeconds * 1000),
    ...(description === undefined ? {} : { untrusted: { description } }),
  };
}

function budgetCard({ session, spentMicros, reservedMicros }: Unit, micros: bigint): ApprovalRequired["budget"] {
  const limit = usdMicros(session.config.budget_usd);
  const drawn = spentMicros + reservedMicros;
  return {
    limit: formatUsd(limit),
    spent: formatUsd(spentMicros),
    reserved: formatUsd(reservedMicros),
    // What the call costs is set aside already when it is asked about.
    remaining_before: formatUsd(leftOf(limit, drawn - micros)),
    remaining_after: formatUsd(leftOf(limit, drawn)),
  };
}
