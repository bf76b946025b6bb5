import type * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import type { ErrorInfo } from "../protocol/events.ts";
import { formatUnits, formatUsd, parseUnits, usdMicros } from "../protocol/money.ts";
import { newId } from "../protocol/new-id.ts";
import type { PaymentTerms } from "../protocol/payment.ts";
import { countPendingApprovals, insertApproval } from "../store/approvals.ts";
import { drawOnSpendRule, validSpendRules } from "../store/spend-rules.ts";
import type { Unit } from "../store/unit.ts";
import { boundHash } from "./binding.ts";
import { reserve } from "./budget.ts";
import { isoTime } from "./clock.ts";
import { free, judge, type Price } from "./policy.ts";
import type { Purchase, Tool } from "./tool.ts";

const maxPendingApprovals = 500;

/** A tool call whose arguments passed the tool's schema. */
export interface CheckedCall {
  readonly toolId: string;
  readonly tool: Tool;
  readonly args: Readonly<Record<string, unknown>>;
  readonly subagentId: string | undefined;
  readonly stepCapMicros?: bigint | undefined;
}

/** A service's price for a call, frozen. */
export interface QuotedPurchase {
  readonly purchase: Purchase;
  readonly terms: PaymentTerms;
  /** Why a human is to be asked whatever the policy would let through; it cannot let a denied one through. */
  readonly mustAsk?: string | undefined;
}

/** The arguments as the tool's schema understands them; throws `invalid_arguments`. */
export function checkArgs(tool: Tool, args: unknown): Readonly<Record<string, unknown>> {
  const parsed = tool.args.safeParse(args);
  if (parsed.success) return parsed.data;
  throw new PaygentError(
    "invalid_arguments",
    `${tool.name} was called with wrong arguments: ${issuesOf(parsed.error)}`,
  );
}

function issuesOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join(".") || "arguments"}: ${issue.message}`)
    .join("; ");
}

/** The tool of that name, or `invalid_arguments` naming those there are. */
export function toolNamed(tools: ReadonlyMap<string, Tool>, name: string): Tool {
  const tool = tools.get(name);
  if (tool !== undefined) return tool;
  throw new PaygentError(
    "invalid_arguments",
    `There is no tool "${name}". Available: ${[...tools.keys()].join(", ")}.`,
  );
}

/** Refuses a price above the ceiling that the call itself names. */
export function checkCeiling({ purchase, terms }: QuotedPurchase): void {
  if (purchase.maxAmount === undefined) return;
  const ceiling = parseUnits(purchase.maxAmount, terms.decimals);
  if (ceiling !== undefined && BigInt(terms.amount) <= ceiling) return;
  throw new PaygentError(
    "policy_denied",
    `${purchase.payee} asks ${formatUnits(BigInt(terms.amount), terms.decimals)} ${terms.currency}, ` +
      `more than the ${purchase.maxAmount} that this call may pay. Raise max_amount or do without it.`,
    { details: { rule: "max_amount" } },
  );
}

export function priceOf(quote: QuotedPurchase | undefined): Price {
  if (quote === undefined) return free;
  const { purchase, terms } = quote;
  return { micros: BigInt(terms.usdMicros), payees: [purchase.payee, terms.payTo] };
}

export type Admission =
  | { readonly kind: "allowed" }
  | { readonly kind: "asked" }
  | { readonly kind: "refused"; readonly error: PaygentError };

/**
 * Takes a proposed call through policy and budget, in the unit's transaction. What it costs is set aside,
 * asked about or not; what must be asked about becomes a pending approval with its event.
 */
export async function admit(unit: Unit, call: CheckedCall, quote?: QuotedPurchase): Promise<Admission> {
  const { config } = unit.session;
  const price = priceOf(quote);
  const rules = await validSpendRules(unit.tx, unit.session.id, call.tool.name, unit.at);
  const verdict = judge({ tool: call.tool, price, config, rules, stepCapMicros: call.stepCapMicros });
  if (verdict.kind === "deny") return { kind: "refused", error: verdict.error };

  const spendKey = { executionId: unit.execution.id, toolId: call.toolId, epoch: 0 };
  const refusal = await reserve(unit, spendKey, price.micros);
  if (refusal !== undefined) return { kind: "refused", error: refusal };

  const reason = quote?.mustAsk ?? (verdict.kind === "ask" ? verdict.reason : undefined);
  if (reason !== undefined) return requestApproval(unit, call, { reason, quote });
  if (verdict.kind === "allow" && verdict.rule !== undefined)
    await drawOnSpendRule(unit.tx, verdict.rule.id, price.micros);
  return { kind: "allowed" };
}

/** Writes a pending approval and the event that shows it. */
export async function requestApproval(
  unit: Unit,
  call: CheckedCall,
  { reason, quote }: { reason: string; quote?: QuotedPurchase | undefined },
): Promise<Admission> {
  const { session, execution } = unit;
  if ((await countPendingApprovals(unit.tx, session.id)) >= maxPendingApprovals) {
    const sentence = `${maxPendingApprovals} approvals of this session are waiting already; decide some of them first.`;
    return { kind: "refused", error: new PaygentError("quota_exceeded", sentence) };
  }
  const terms = quote?.terms;
  const amount = terms === undefined ? "0.00" : formatUnits(BigInt(terms.amount), terms.decimals);
  const micros = BigInt(terms?.usdMicros ?? 0);
  const limit = usdMicros(session.config.budget_usd);
  const request = {
    session_id: session.id,
    execution_id: execution.id,
    ...(call.subagentId === undefined ? {} : { subagent_id: call.subagentId }),
    request_id: newId(),
    tool_id: call.toolId,
    tool_name: call.tool.name,
    tool_args: call.args,
    reason,
    amount,
    currency: terms?.currency ?? "USD",
    estimated_cost: formatUsd(micros),
    ...(quote === undefined ? {} : { payee: quote.purchase.payee, network: quote.terms.network }),
    expires_at: isoTime(Date.parse(unit.at) + session.config.approval_timeout_s * 1000),
    budget: {
      limit: formatUsd(limit),
      spent: formatUsd(unit.spentMicros),
      reserved: formatUsd(unit.reservedMicros),
      remaining_after: formatUsd(limit - unit.spentMicros - unit.reservedMicros),
    },
  };
  const termsText = terms === undefined ? undefined : JSON.stringify(terms);
  await insertApproval(unit.tx, {
    id: request.request_id,
    sessionId: session.id,
    executionId: execution.id,
    userId: session.userId,
    toolId: call.toolId,
    toolName: call.tool.name,
    subagentId: call.subagentId,
    args: call.args,
    boundHash: boundHash(call.tool.name, call.args, termsText),
    terms: termsText,
    micros,
    request,
    createdAt: unit.at,
    expiresAt: request.expires_at,
  });
  unit.append("approval_required", request);
  return { kind: "asked" };
}

export function errorInfo(error: PaygentError): ErrorInfo {
  return { code: error.code, message: error.message };
}
