import { PaygentError } from "../protocol/errors.ts";
import { formatUsd, usdMicros } from "../protocol/money.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import type { SpendRuleRow } from "../store/spend-rules.ts";
import type { Tool } from "./tool.ts";

/** What a call would cost and whom it would pay, in every form in which a payee may be listed. */
export interface Price {
  readonly micros: bigint;
  readonly payees: readonly string[];
}

export const free: Price = { micros: 0n, payees: [] };

export type Verdict =
  | { readonly kind: "allow"; readonly rule?: SpendRuleRow }
  | { readonly kind: "ask"; readonly reason: string }
  | { readonly kind: "deny"; readonly error: PaygentError };

interface Judged {
  readonly tool: Tool;
  readonly price: Price;
  readonly config: SessionConfig;
  /** The spend rules that hold for this tool now. */
  readonly rules: readonly SpendRuleRow[];
  /** What the plan allows the current step to cost, where it says so. */
  readonly stepCapMicros?: bigint | undefined;
}

/**
 * Whether a call may run, must be asked about, or may not run at all. Pure: the same for a proposal, a
 * decision and a payment. What no rule allows is asked about; what a rule forbids is never asked about.
 */
export function judge({ tool, price, config, rules, stepCapMicros }: Judged): Verdict {
  const denial = denialOf(tool, price, config);
  if (denial !== undefined) return { kind: "deny", error: denial };
  if (tool.effect === "question") return { kind: "ask", reason: "The agent asks you a question." };

  const rule = rules.find((candidate) => covers(candidate, price));
  if (rule !== undefined) return { kind: "allow", rule };

  if (config.tools[tool.name] === "ask") {
    return { kind: "ask", reason: `This session asks before every ${tool.name}.` };
  }
  if (stepCapMicros !== undefined && price.micros > stepCapMicros) {
    return {
      kind: "ask",
      reason: `${formatUsd(price.micros)} USD is above the ${formatUsd(stepCapMicros)} USD that the plan allows this step.`,
    };
  }
  const threshold = usdMicros(config.approval_threshold_usd);
  if (price.micros > threshold) {
    return {
      kind: "ask",
      reason: `${formatUsd(price.micros)} USD is above the approval threshold of ${formatUsd(threshold)} USD.`,
    };
  }
  return { kind: "allow" };
}

function denialOf(tool: Tool, price: Price, config: SessionConfig): PaygentError | undefined {
  if (config.tools[tool.name] === "deny") {
    return denied(`tools.${tool.name}`, `This session does not allow ${tool.name}.`);
  }
  const max = usdMicros(config.max_payment_usd);
  if (price.micros > max) {
    return denied(
      "max_payment_usd",
      `${formatUsd(price.micros)} USD is above the ${formatUsd(max)} USD that a single payment may be.`,
    );
  }
  const [payee = ""] = price.payees;
  if (price.payees.some((name) => isListed(config.payees.deny, name))) {
    return denied("payees.deny", `This session does not allow payments to ${payee}.`);
  }
  if (
    price.micros > 0n &&
    config.payees.allow.length > 0 &&
    !price.payees.some((n) => isListed(config.payees.allow, n))
  ) {
    return denied("payees.allow", `${payee} is not among the payees that this session allows.`);
  }
  return undefined;
}

function denied(rule: string, sentence: string): PaygentError {
  return new PaygentError("policy_denied", `${sentence} Change ${rule} in the session's config if it should be.`, {
    details: { rule },
  });
}

function isListed(list: readonly string[], name: string): boolean {
  return list.some((entry) => entry.toLowerCase() === name.toLowerCase());
}

function covers(rule: SpendRuleRow, price: Price): boolean {
  const fitsPayee = rule.payee === undefined || isListed(price.payees, rule.payee);
  const fitsTotal = rule.totalMicros === undefined || rule.usedMicros + price.micros <= rule.totalMicros;
  return fitsPayee && fitsTotal && price.micros <= rule.maxMicros;
}
