import type { InFlight } from "../protocol/events.ts";
import { formatUsd } from "../protocol/money.ts";
import { decideApproval, pendingOfExecution } from "../store/approvals.ts";
import { isOut, paymentsOfExecution, updatePayment } from "../store/payments.ts";
import { reservedOfExecution } from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";
import { release } from "./budget.ts";
import { releaseLease } from "./lease.ts";
import { settleForgotten } from "./model-budget.ts";
import { type ResolvedPayment, recordPaymentOutcome } from "./resolve-payments.ts";

/**
 * Ends the unit's execution: its open questions are withdrawn, what it set aside and can no longer spend is
 * given back, what a model was still asked is charged, and `tell` appends the one terminal event. `payments` is
 * what the chain said of the money that was out; a signed payment that it says nothing of stays reserved.
 */
export async function finish(
  unit: Unit,
  status: "completed" | "failed" | "cancelled",
  payments: readonly ResolvedPayment[],
  tell: (releasedMicros: bigint) => void,
): Promise<void> {
  const { execution } = unit;
  for (const approval of await pendingOfExecution(unit.tx, execution.id)) {
    await decideApproval(unit.tx, approval, {
      status: "cancelled",
      decidedBy: undefined,
      decidedAt: unit.at,
      reason: undefined,
      policyVersion: unit.session.policyVersion,
    });
  }
  let released = 0n;
  for (const payment of payments) released += await recordPaymentOutcome(unit, payment);
  await settleForgotten(unit);
  released += await releaseUnsigned(unit);
  unit.tellBudget();
  tell(released);
  releaseLease(unit);
  execution.status = status;
  execution.endedAt = unit.at;
}

async function releaseUnsigned(unit: Unit): Promise<bigint> {
  if (unit.execution.reservedMicros === 0n) return 0n;
  const payments = await paymentsOfExecution(unit.tx, unit.execution.id);
  let released = 0n;
  for (const spend of await reservedOfExecution(unit.tx, unit.execution.id)) {
    const row = payments.find(({ toolId }) => toolId === spend.toolId);
    if (row !== undefined && isOut(row)) continue;
    released += await release(unit, spend);
    if (row !== undefined) await updatePayment(unit.tx, row, { state: "cancelled" }, unit.at);
  }
  return released;
}

/** Ends the unit's execution as cancelled by whoever asked for it. */
export async function tellCancelled(
  unit: Unit,
  in_flight: readonly InFlight[],
  payments: readonly ResolvedPayment[],
): Promise<void> {
  const { cancelBy, cancelReason, cancelRef } = unit.execution;
  const tell = (releasedMicros: bigint) =>
    unit.append(
      "cancelled",
      {
        message: "The execution was cancelled.",
        by: cancelBy ?? "unknown",
        ...(cancelReason === null ? {} : { reason: cancelReason }),
        in_flight: [...in_flight],
        released_usd: formatUsd(releasedMicros),
      },
      cancelRef ?? undefined,
    );
  await finish(unit, "cancelled", payments, tell);
}
