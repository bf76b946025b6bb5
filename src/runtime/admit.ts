import type * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import type { ErrorInfo } from "../protocol/events.ts";
import { formatUnits, parseUnits } from "../protocol/money.ts";
import type { PaymentTerms } from "../protocol/payment.ts";
import type { Unit } from "../store/unit.ts";
import { requestApproval } from "./approval-request.ts";
import { release, reserve } from "./budget.ts";
import { judge, type Price } from "./policy.ts";
import { policyFacts } from "./policy-facts.ts";
import type { Purchase, Tool } from "./tool.ts";

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
  readonly mustAsk?: { readonly rule: string; readonly reason: string } | undefined;
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

/** What a call costs, whom it pays and where it goes, for policy and budgets. */
export function priceOf(tool: Tool, args: Readonly<Record<string, unknown>>, quote: QuotedPurchase | undefined): Price {
  if (quote === undefined) return { micros: 0n, host: targetOf(tool, args) };
  const { purchase, terms } = quote;
  return {
    micros: BigInt(terms.usdMicros),
    payee: { payee: purchase.payee, payTo: terms.payTo, network: terms.network },
    host: hostOf(terms.url),
    isListed: purchase.isListed,
  };
}

function targetOf(tool: Tool, args: Readonly<Record<string, unknown>>): string | undefined {
  const url = tool.target?.(args);
  return url === undefined ? undefined : hostOf(url);
}

/** The host that a URL names; what is no URL of a host is judged by whoever opens it. */
function hostOf(url: string): string | undefined {
  const host = URL.parse(url)?.host;
  return host === "" ? undefined : host;
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
  const { tool, args, stepCapMicros } = call;
  const { config } = unit.session;
  const price = priceOf(tool, args, quote);
  const facts = await policyFacts(unit.tx, unit.session, { tool, price, at: unit.at });
  const verdict = judge({ tool, price, config, facts, stepCapMicros });
  if (verdict.kind === "deny") return { kind: "refused", error: verdict.error };

  const key = { executionId: unit.execution.id, toolId: call.toolId, epoch: 0 };
  const ruleId = verdict.kind === "allow" && quote?.mustAsk === undefined ? verdict.spendRule?.id : undefined;
  const refusal = await reserve(unit, key, { micros: price.micros, payee: price.payee, ruleId });
  if (refusal !== undefined) return { kind: "refused", error: refusal };

  const asked = quote?.mustAsk ?? (verdict.kind === "ask" ? verdict : undefined);
  if (asked === undefined) return { kind: "allowed" };
  const full = await requestApproval(unit, call, { rule: asked.rule, reason: asked.reason, quote });
  if (full === undefined) return { kind: "asked" };
  await release(unit, key);
  return { kind: "refused", error: full };
}

export function errorInfo({ code, message, details }: PaygentError): ErrorInfo {
  return { code, message, ...(details === undefined ? {} : { details }) };
}
