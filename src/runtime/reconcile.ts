import { findExecution } from "../store/executions.ts";
import { findPayment, type PaymentRow } from "../store/payments.ts";
import { askChain } from "./pay.ts";
import { recordPaymentOutcome } from "./resolve-payments.ts";
import { commitCommand, type Runtime } from "./runtime.ts";

/**
 * Brings the ledger to the chain's word on a payment whose call has given up on it. One that its run still
 * works on is left to the run.
 */
export async function reconcile(runtime: Runtime, payment: PaymentRow): Promise<void> {
  const execution = await findExecution(runtime.store.db, payment.executionId);
  if (execution === undefined || execution.status === "running" || payment.signed === undefined) return;
  const outcome = await askChain(runtime.wallet, payment.terms, payment.signed);
  if (outcome.state === "open") return;
  await commitCommand(runtime, { sessionId: payment.sessionId, executionId: payment.executionId }, async (unit) => {
    const row = await findPayment(unit.tx, payment);
    if (row?.state === "signed" && unit.execution.status !== "running") {
      await recordPaymentOutcome(unit, { row, outcome });
    }
  });
}
