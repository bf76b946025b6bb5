import { newId } from "../../protocol/new-id.ts";
import { SessionConfig } from "../../protocol/session-config.ts";

export type Right = "" | "allow" | "ask" | "deny";

/** A budget of a payee as it is written; `key` names the row while it is. */
export interface PayeeBudgetRow {
  readonly key: string;
  readonly payee: string;
  readonly usd: string;
}

export interface QuorumRow {
  readonly key: string;
  readonly above: string;
  readonly approvals: string;
}

/** A session's settings as they are written in the form: everything is text, and may be wrong. Lists are lines. */
export interface Draft {
  readonly budget_usd: string;
  readonly daily_budget_usd: string;
  readonly approval_threshold_usd: string;
  readonly max_payment_usd: string;
  readonly max_first_payment_usd: string;
  readonly payeeBudgets: readonly PayeeBudgetRow[];
  readonly hasVelocity: boolean;
  readonly velocityPayments: string;
  readonly velocitySeconds: string;
  readonly approval_timeout_s: string;
  readonly execution_timeout_s: string;
  readonly max_steps: string;
  readonly if_busy: "queue" | "reject";
  readonly model: string;
  readonly tools: Readonly<Record<string, Right>>;
  readonly payeesAllow: string;
  readonly payeesDeny: string;
  readonly hostsAllow: string;
  readonly hostsDeny: string;
  readonly approvers: string;
  readonly quorum: readonly QuorumRow[];
}

export function draftOf(config: SessionConfig): Draft {
  const { velocity } = config;
  const lines = (names: readonly string[]) => names.join("\n");
  return {
    budget_usd: config.budget_usd,
    daily_budget_usd: config.daily_budget_usd,
    approval_threshold_usd: config.approval_threshold_usd,
    max_payment_usd: config.max_payment_usd,
    max_first_payment_usd: config.max_first_payment_usd,
    payeeBudgets: Object.entries(config.payee_budgets_usd).map(([payee, usd]) => ({ key: newId(), payee, usd })),
    hasVelocity: velocity !== null,
    velocityPayments: `${velocity?.payments ?? 5}`,
    velocitySeconds: `${velocity?.per_s ?? 60}`,
    approval_timeout_s: `${config.approval_timeout_s}`,
    execution_timeout_s: `${config.execution_timeout_s}`,
    max_steps: `${config.max_steps}`,
    if_busy: config.if_busy,
    model: config.model ?? "",
    tools: config.tools,
    payeesAllow: lines(config.payees.allow),
    payeesDeny: lines(config.payees.deny),
    hostsAllow: lines(config.hosts.allow),
    hostsDeny: lines(config.hosts.deny),
    approvers: lines(config.approvers),
    quorum: config.quorum.map(({ above_usd, approvals }) => ({
      key: newId(),
      above: above_usd,
      approvals: `${approvals}`,
    })),
  };
}

/** What is wrong with a draft, by its field: a key of the draft, with `.row` and the row's key where it has rows. */
export type Issues = ReadonlyMap<string, string>;

/** The settings that a draft stands for, checked by the protocol's own schema; or what is wrong, by field. */
export function readDraft(draft: Draft): { readonly config?: SessionConfig; readonly issues: Issues } {
  const issues = new Map<string, string>();
  for (const [key, sentence] of rowIssues(draft)) issues.set(key, sentence);
  const { data, error } = SessionConfig.safeParse(configOf(draft));
  for (const { path, message } of error?.issues ?? []) {
    const [field, sentence] = fieldOf(draft, path, message);
    if (!issues.has(field)) issues.set(field, sentence);
  }
  return data === undefined || issues.size > 0 ? { issues } : { config: data, issues };
}

function configOf(draft: Draft): unknown {
  const { hasVelocity, velocityPayments, velocitySeconds } = draft;
  return {
    budget_usd: draft.budget_usd.trim(),
    daily_budget_usd: draft.daily_budget_usd.trim(),
    approval_threshold_usd: draft.approval_threshold_usd.trim(),
    max_payment_usd: draft.max_payment_usd.trim(),
    max_first_payment_usd: draft.max_first_payment_usd.trim(),
    payee_budgets_usd: Object.fromEntries(draft.payeeBudgets.map(({ payee, usd }) => [payee.trim(), usd.trim()])),
    velocity: hasVelocity ? { payments: wholeNumber(velocityPayments), per_s: wholeNumber(velocitySeconds) } : null,
    approval_timeout_s: wholeNumber(draft.approval_timeout_s),
    execution_timeout_s: wholeNumber(draft.execution_timeout_s),
    max_steps: wholeNumber(draft.max_steps),
    if_busy: draft.if_busy,
    ...(draft.model.trim() === "" ? {} : { model: draft.model.trim() }),
    tools: Object.fromEntries(Object.entries(draft.tools).filter(([, right]) => right !== "")),
    payees: { allow: linesOf(draft.payeesAllow), deny: linesOf(draft.payeesDeny) },
    hosts: { allow: linesOf(draft.hostsAllow), deny: linesOf(draft.hostsDeny) },
    approvers: linesOf(draft.approvers),
    quorum: draft.quorum.map(({ above, approvals }) => ({
      above_usd: above.trim(),
      approvals: wholeNumber(approvals),
    })),
  };
}

/** Text that is no whole number stays text, which the schema refuses. */
function wholeNumber(text: string): number | string {
  return /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : text;
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** What a record of payees cannot say: one that stands twice, and one without a name. */
function* rowIssues({ payeeBudgets }: Draft): Generator<[field: string, sentence: string]> {
  const known = new Set<string>();
  for (const { key, payee } of payeeBudgets) {
    const name = payee.trim().toLowerCase();
    if (name === "") yield [`payeeBudgets.${key}`, "Name the payee, or remove the line."];
    else if (known.has(name)) yield [`payeeBudgets.${key}`, `${payee.trim()} stands here twice.`];
    known.add(name);
  }
}

const listFields: Readonly<Record<string, keyof Draft>> = {
  "payees.allow": "payeesAllow",
  "payees.deny": "payeesDeny",
  "hosts.allow": "hostsAllow",
  "hosts.deny": "hostsDeny",
  "velocity.payments": "velocityPayments",
  "velocity.per_s": "velocitySeconds",
};

function fieldOf(draft: Draft, path: readonly PropertyKey[], message: string): [field: string, sentence: string] {
  const [setting, part, place] = path.map(String);
  const sentence = sentenceOf(message);
  switch (setting) {
    case "payee_budgets_usd": {
      const row = draft.payeeBudgets.find(({ payee }) => payee.trim() === part);
      return [`payeeBudgets.${row?.key}`, sentence];
    }
    case "quorum": {
      const row = draft.quorum[Number(part)];
      return row === undefined ? ["quorum", sentence] : [`quorum.${row.key}`, sentence];
    }
    case "approvers":
      return ["approvers", part === undefined ? sentence : `Line ${Number(part) + 1}: ${sentence}`];
    case "payees":
    case "hosts":
    case "velocity": {
      const field = listFields[`${setting}.${part}`] ?? setting;
      return [field, place === undefined ? sentence : `Line ${Number(place) + 1}: ${sentence}`];
    }
    default:
      return [setting ?? "", sentence];
  }
}

/** The schema's own words, as a sentence. */
function sentenceOf(message: string): string {
  if (/expected (number|int), received string/.test(message)) return "Must be a whole number.";
  const text = message.slice(0, 1).toUpperCase() + message.slice(1);
  return text.endsWith(".") ? text : `${text}.`;
}
