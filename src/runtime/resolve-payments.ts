import type { InFlight } from "../protocol/events.ts";
import type { Store } from "../store/database.ts";
import { type PaymentRow, paymentsOfExecution, updatePayment } from "../store/payments.ts";
import type { Unit } from "../store/unit.ts";
import { release, settle } from "./budget.ts";
import { askChain, voidPayment } from "./pay.ts";
import type { ChainOutcome, Wallet } from "./wallet.ts";

export interface ResolvedPayment {
  readonly row: PaymentRow;
  readonly outcome: ChainOutcome;
}

/**
 * What became of an execution's signed payments, after asking the chain to void those that have not
 * settled. One that was never signed cannot move and is void without asking.
 */
export async function resolvePayments(store: Store, wallet: Wallet, executionId: string): Promise<ResolvedPayment[]> {
  const resolved: ResolvedPayment[] = [];
  for (const row of await paymentsOfExecution(store.db, executionId)) {
    if (row.state === "reserved") resolved.push({ row, outcome: { state: "expired" } });
    if (row.state !== "signed" || row.signed === undefined) continue;
    const before = await askChain(wallet, row.terms, row.signed);
    const outcome = before.state === "open" ? await voidPayment(wallet, row.terms, row.signed) : before;
    resolved.push({ row, outcome });
  }
  return resolved;
}

/**
 * Brings ledger and payment to what the chain said; an open one stays reserved. Gives what was released, in
 * USD millionths.
 */
export async function recordPaymentOutcome(unit: Unit, { row, outcome }: ResolvedPayment): Promise<bigint> {
  switch (outcome.state) {
    case "open":
      return 0n;
    case "settled":
      await settle(unit, row);
      await updatePayment(unit.tx, row, { state: "settled", txHash: outcome.txHash, at: unit.at });
      return 0n;
    case "cancelled":
    case "expired":
      await updatePayment(unit.tx, row, { state: outcome.state, at: unit.at });
      return release(unit, row);
  }
}

/** What a cancellation has to say of a call that had a payment under way. */
export function inFlightOutcome(payments: readonly ResolvedPayment[], toolId: string): InFlight["outcome"] | undefined {
  const payment = payments.find(({ row }) => row.toolId === toolId);
  if (payment === undefined) return undefined;
  switch (payment.outcome.state) {
    case "settled":
      return "completed_anyway";
    case "open":
      return "unknown";
    case "cancelled":
    case "expired":
      return payment.row.state === "reserved" ? "not_started" : "aborted";
  }
}
