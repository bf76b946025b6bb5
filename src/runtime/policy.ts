import { PaygentError } from "../protocol/errors.ts";
import { formatUsd, usdMicros } from "../protocol/money.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import type { FreezeRow } from "../store/freezes.ts";
import type { SpendRuleRow } from "../store/spend-rules.ts";
import type { SpendPayee } from "../store/spends.ts";
import { frozenError } from "./frozen.ts";
import { matchesHost } from "./host-pattern.ts";
import type { Tool } from "./tool.ts";

/** What a call would cost and whom it would pay. */
export interface Price {
  readonly micros: bigint;
  readonly payee?: SpendPayee | undefined;
  /** Where the call goes, as a host name or `host:port`. */
  readonly host?: string | undefined;
  /** Whether the operator's catalogue vouches for the payee. */
  readonly isListed?: boolean | undefined;
}

/** What a verdict depends on beside the call and the session's settings. */
export interface PolicyFacts {
  /** The spend rules that hold for this tool now. */
  readonly spendRules: readonly SpendRuleRow[];
  /** What stops the session's payments. */
  readonly freezes: readonly FreezeRow[];
  /** Whether money of this user has reached the payee before. */
  readonly isPayeeKnown: boolean;
  /** How many payments the session began within the time that `velocity` names. */
  readonly recentPayments: number;
}

export const noFacts: PolicyFacts = { spendRules: [], freezes: [], isPayeeKnown: true, recentPayments: 0 };

export type Verdict =
  | { readonly kind: "allow"; readonly spendRule?: SpendRuleRow }
  | { readonly kind: "ask"; readonly rule: string; readonly reason: string }
  | { readonly kind: "deny"; readonly error: PaygentError };

interface Judged {
  readonly tool: Tool;
  readonly price: Price;
  readonly config: SessionConfig;
  readonly facts: PolicyFacts;
  /** What the plan allows the current step to cost, where it says so. */
  readonly stepCapMicros?: bigint | undefined;
}

/**
 * Whether a call may run, must be asked about, or may not run at all. Pure: the same for a proposal, a
 * decision and a payment. What no rule allows is asked about; what a rule forbids is never asked about.
 */
export function judge(judged: Judged): Verdict {
  const denial = denialOf(judged);
  if (denial !== undefined) return { kind: "deny", error: denial };
  const { tool, price, config, facts } = judged;
  if (tool.effect === "question") return ask("question", "The agent asks you a question.");

  const always = alwaysAsked(judged);
  if (always !== undefined) return always;
  // A rule that names no payee was not left with a new one in mind.
  const mayBeForAnybody = !exceedsFirstPaymentLimit(judged);
  const spendRule = facts.spendRules.find(
    (candidate) => covers(candidate, price) && (mayBeForAnybody || candidate.payee !== undefined),
  );
  if (spendRule !== undefined) return { kind: "allow", spendRule };

  return askedUnlessCovered(judged, config) ?? { kind: "allow" };
}

/** How many different people must approve a payment, the one who gave the command not among them; 0 for none. */
export function approvalsNeeded(config: SessionConfig, micros: bigint): number {
  const tiers = config.quorum.filter(({ above_usd }) => micros > usdMicros(above_usd));
  return Math.max(0, ...tiers.map(({ approvals }) => approvals));
}

/** What is asked about even where a spend rule would let it through. */
function alwaysAsked({ price, config, facts }: Judged): Verdict | undefined {
  const needed = approvalsNeeded(config, price.micros);
  if (needed > 0) {
    const people = needed === 1 ? "one person" : `${needed} people`;
    return ask("quorum", `${formatUsd(price.micros)} USD needs the approval of ${people} other than who asked for it.`);
  }
  const { velocity } = config;
  if (velocity !== null && price.micros > 0n && facts.recentPayments >= velocity.payments) {
    return ask(
      "velocity",
      `This session has begun ${facts.recentPayments} payments in ${velocity.per_s} seconds; above ${velocity.payments} it asks.`,
    );
  }
  return undefined;
}

function askedUnlessCovered(judged: Judged, config: SessionConfig): Verdict | undefined {
  const { tool, price, stepCapMicros } = judged;
  if (config.tools[tool.name] === "ask") {
    return ask(`tools.${tool.name}`, `This session asks before every ${tool.name}.`);
  }
  if (stepCapMicros !== undefined && price.micros > stepCapMicros) {
    return ask(
      "plan.max_cost_usd",
      `${formatUsd(price.micros)} USD is above the ${formatUsd(stepCapMicros)} USD that the plan allows this step.`,
    );
  }
  const threshold = usdMicros(config.approval_threshold_usd);
  if (price.micros > threshold) {
    return ask(
      "approval_threshold_usd",
      `${formatUsd(price.micros)} USD is above the approval threshold of ${formatUsd(threshold)} USD.`,
    );
  }
  if (!exceedsFirstPaymentLimit(judged)) return undefined;
  const first = formatUsd(usdMicros(config.max_first_payment_usd));
  return ask(
    "max_first_payment_usd",
    `${formatUsd(price.micros)} USD would be the first payment to ${price.payee?.payee}; above ${first} USD that is asked about.`,
  );
}

/** Whether this would be the first payment to somebody whom nobody vouches for, and above the limit of a first one. */
function exceedsFirstPaymentLimit({ price, config, facts }: Judged): boolean {
  if (price.payee === undefined || price.isListed === true || facts.isPayeeKnown) return false;
  const isAllowed = namesOf(price).some((name) => isOn(config.payees.allow, name));
  return !isAllowed && price.micros > usdMicros(config.max_first_payment_usd);
}

function denialOf({ tool, price, config, facts }: Judged): PaygentError | undefined {
  if (config.tools[tool.name] === "deny") {
    return denied(`tools.${tool.name}`, `This session does not allow ${tool.name}.`);
  }
  const host = price.host === undefined ? undefined : hostDenial(price.host, config);
  if (host !== undefined || price.micros === 0n) return host;
  const [freeze] = facts.freezes;
  if (freeze !== undefined) return frozenError(freeze);
  const max = usdMicros(config.max_payment_usd);
  if (price.micros > max) {
    return denied(
      "max_payment_usd",
      `${formatUsd(price.micros)} USD is above the ${formatUsd(max)} USD that a single payment may be.`,
    );
  }
  const names = namesOf(price);
  if (names.some((name) => isOn(config.payees.deny, name))) {
    return denied("payees.deny", `This session does not allow payments to ${names[0]}.`);
  }
  if (config.payees.allow.length > 0 && !names.some((name) => isOn(config.payees.allow, name))) {
    return denied("payees.allow", `${names[0] ?? "The payee"} is not among the payees that this session allows.`);
  }
  return undefined;
}

/** Why a session may not reach a host, if it may not. */
function hostDenial(host: string, { hosts }: SessionConfig): PaygentError | undefined {
  if (hosts.deny.some((pattern) => matchesHost(pattern, host))) {
    return denied("hosts.deny", `This session does not allow ${host}.`);
  }
  if (hosts.allow.length > 0 && !hosts.allow.some((pattern) => matchesHost(pattern, host))) {
    return denied("hosts.allow", `${host} is not among the hosts that this session allows.`);
  }
  return undefined;
}

/** Throws why a session may not reach a host. */
export function requireHost(host: string, config: SessionConfig): void {
  const denial = hostDenial(host, config);
  if (denial !== undefined) throw denial;
}

function ask(rule: string, reason: string): Verdict {
  return { kind: "ask", rule, reason };
}

function denied(rule: string, sentence: string): PaygentError {
  return new PaygentError("policy_denied", `${sentence} Change ${rule} in the session's config if it should be.`, {
    details: { rule },
  });
}

/** Every form in which a payee may be listed. */
function namesOf({ payee }: Price): readonly string[] {
  return payee === undefined ? [] : [payee.payee, payee.payTo];
}

function isOn(list: readonly string[], name: string): boolean {
  return list.some((entry) => entry.toLowerCase() === name.toLowerCase());
}

function covers(rule: SpendRuleRow, price: Price): boolean {
  const fitsPayee = rule.payee === undefined || isOn(namesOf(price), rule.payee);
  const fitsTotal = rule.totalMicros === undefined || rule.usedMicros + price.micros <= rule.totalMicros;
  return fitsPayee && fitsTotal && price.micros <= rule.maxMicros;
}
