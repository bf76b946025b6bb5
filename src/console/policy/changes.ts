import type { SessionConfigPatch } from "../../protocol/request-bodies.ts";
import type { SessionConfig } from "../../protocol/session-config.ts";

type Setting = keyof SessionConfig;

/** What people call the settings. */
export const settingNames: Readonly<Record<Setting, string>> = {
  budget_usd: "Budget of the session",
  daily_budget_usd: "Budget of a day",
  payee_budgets_usd: "Budgets of payees",
  approval_threshold_usd: "Ask above",
  max_payment_usd: "Never pay more at once than",
  max_first_payment_usd: "Ask above, to a new payee",
  velocity: "Ask after many payments",
  approval_timeout_s: "A request waits",
  execution_timeout_s: "An execution may work",
  max_steps: "Steps of an execution",
  if_busy: "A command while another is worked on",
  model: "Model",
  tools: "Tools",
  payees: "Payees",
  hosts: "Hosts",
  approvers: "Approvers",
  quorum: "Approvals needed",
};

/** A setting that would change: what would no longer hold, and what would hold instead. */
export interface Change {
  readonly setting: Setting;
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

/** The settings that differ, line by line. */
export function changesOf(before: SessionConfig, after: SessionConfig): readonly Change[] {
  return (Object.keys(settingNames) as Setting[]).flatMap((setting) => {
    if (JSON.stringify(sorted(before[setting])) === JSON.stringify(sorted(after[setting]))) return [];
    const [old, now] = [linesOf(setting, before), linesOf(setting, after)];
    const [removed, added] = [old.filter((line) => !now.includes(line)), now.filter((line) => !old.includes(line))];
    // Only the order of a list changed.
    return [removed.length + added.length === 0 ? { setting, removed: old, added: now } : { setting, removed, added }];
  });
}

/** Only what changes is sent: what somebody else changed meanwhile stays. */
export function patchOf(after: SessionConfig, changes: readonly Change[]): SessionConfigPatch {
  // Each key comes with its own value.
  return Object.fromEntries(changes.map(({ setting }) => [setting, after[setting]])) as SessionConfigPatch;
}

/** Records with their keys in one order; the order of a list says something. */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, sorted(inner)] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

/** A setting in words, one line for each thing that it says. */
function linesOf(setting: Setting, config: SessionConfig): string[] {
  switch (setting) {
    case "budget_usd":
    case "daily_budget_usd":
    case "approval_threshold_usd":
    case "max_payment_usd":
    case "max_first_payment_usd":
      return [`${config[setting]} USD`];
    case "payee_budgets_usd":
      return Object.entries(config.payee_budgets_usd).map(([payee, usd]) => `${payee}: ${usd} USD`);
    case "velocity":
      return [config.velocity === null ? "never" : `${config.velocity.payments} within ${config.velocity.per_s} s`];
    case "approval_timeout_s":
    case "execution_timeout_s":
      return [`${config[setting]} s`];
    case "max_steps":
      return [`at most ${config.max_steps}`];
    case "if_busy":
      return [config.if_busy === "queue" ? "waits" : "is refused"];
    case "model":
      return [config.model ?? "the server's"];
    case "tools":
      return Object.entries(config.tools).map(([tool, right]) => `${tool}: ${right}`);
    case "payees":
    case "hosts": {
      const { allow, deny } = config[setting];
      return [...allow.map((name) => `only ${name}`), ...deny.map((name) => `never ${name}`)];
    }
    case "approvers":
      return [...config.approvers];
    case "quorum":
      return config.quorum.map(({ above_usd, approvals }) => `above ${above_usd} USD: ${approvals}`);
  }
}
