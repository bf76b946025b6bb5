import { randomUUID } from "node:crypto";
import { PaygentError } from "../protocol/errors.ts";
import { usdMicros } from "../protocol/money.ts";
import type { SpendRule } from "../protocol/spend-rule.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import { insertSpendRule } from "../store/spend-rules.ts";
import type { Unit } from "../store/unit.ts";
import { isoTime } from "./clock.ts";

/** Leaves the spend rule that came with an approval. */
export async function remember(unit: Unit, approval: ApprovalRow, rule: SpendRule): Promise<void> {
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
