import { PaygentError } from "../protocol/errors.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import { insertToolStart, lastStart } from "../store/tool-starts.ts";
import type { Unit } from "../store/unit.ts";
import { requestApproval } from "./approval-request.ts";
import { type CallOutcome, type CallRun, ifAdmitted } from "./call-run.ts";
import type { CheckedCall } from "./checked-call.ts";

/**
 * Notes that a call whose repetition would mean something else is about to run; `undefined` when it may. One
 * that was started before, and of which no result is known, becomes a question.
 */
export async function startOnce(
  run: CallRun,
  checked: CheckedCall,
  grant: ApprovalRow | undefined,
): Promise<"waiting" | CallOutcome | undefined> {
  const { executionId, store } = run;
  const { tool, toolId } = checked;
  const last = await lastStart(store.db, executionId, toolId);
  const mayStart = last === undefined || (grant !== undefined && grant.createdAt > last.startedAt);
  if (!mayStart) {
    const reason = `${tool.name} was interrupted and may have happened already. Run it again?`;
    const full = await run.commit((unit) => requestApproval(unit, checked, { rule: "interrupted", reason }));
    if (full === undefined) return "waiting";
    return {
      error: new PaygentError("interrupted", `${tool.name} was interrupted; whether it happened is not known.`),
    };
  }
  const start = { executionId, toolId, attempt: (last?.attempt ?? 0) + 1 };
  const recordStart = (unit: Unit) => insertToolStart(unit.tx, start, unit.at);
  const instead = await ifAdmitted(run, checked, grant, recordStart);
  if (instead !== undefined) return instead;
  if (grant !== undefined) await run.commit(recordStart);
  return undefined;
}
