import type { PaygentError } from "../protocol/errors.ts";
import type { Unit } from "../store/unit.ts";
import { requestApproval } from "./approval-request.ts";
import { release, reserve } from "./budget.ts";
import type { CheckedCall } from "./checked-call.ts";
import { judge } from "./policy.ts";
import { policyFacts } from "./policy-facts.ts";
import { priceOf, type QuotedPurchase } from "./quoted-purchase.ts";

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

  const key = { executionId: unit.execution.id, toolId: call.toolId };
  const ruleId = verdict.kind === "allow" && quote?.mustAsk === undefined ? verdict.spendRule?.id : undefined;
  const draw = { micros: price.micros, payee: price.payee, ruleId };
  // What has no quote costs nothing, now as before.
  const refusal = quote === undefined ? undefined : await reserve(unit, key, draw);
  if (refusal !== undefined) return { kind: "refused", error: refusal };

  const asked = quote?.mustAsk ?? (verdict.kind === "ask" ? verdict : undefined);
  if (asked === undefined) return { kind: "allowed" };
  const full = await requestApproval(unit, call, { rule: asked.rule, reason: asked.reason, quote });
  if (full === undefined) return { kind: "asked" };
  await release(unit, key);
  return { kind: "refused", error: full };
}
