import type { InFlight } from "../protocol/events.ts";
import type { Store } from "../store/database.ts";
import { isOut, type PaymentRow, paymentsOfExecution, updateContent, updatePayment } from "../store/payments.ts";
import type { Unit } from "../store/unit.ts";
import { release, settle } from "./budget.ts";
import { askChain, voidPayment } from "./pay.ts";
import type { ChainOutcome, Wallet } from "./wallet.ts";

/** What became of a payment. One that was never signed cannot move, and nobody needs to be asked. */
export type PaymentFate = ChainOutcome | { readonly state: "unsigned" };

export interface ResolvedPayment {
  readonly row: PaymentRow;
  readonly outcome: PaymentFate;
}

/** What became of an execution's payments, after asking the chain to void those that have not settled. */
export async function resolvePayments(store: Store, wallet: Wallet, executionId: string): Promise<ResolvedPayment[]> {
  const resolved: ResolvedPayment[] = [];
  for (const row of await paymentsOfExecution(store.db, executionId)) {
    if (row.state === "quoted" || row.state === "reserved" || isOut(row)) {
      resolved.push({ row, outcome: await resolvePayment(wallet, row) });
    }
  }
  return resolved;
}

/** What became of one open payment that nobody wants any more. */
export async function resolvePayment(wallet: Wallet, { terms, signed }: PaymentRow): Promise<PaymentFate> {
  if (signed === undefined) return { state: "unsigned" };
  const before = await askChain(wallet, terms, signed);
  return before.state === "open" ? voidPayment(wallet, terms, signed) : before;
}

/**
 * Brings ledger and payment to what the chain said; an open one stays reserved. Gives what was released, in
 * USD millionths.
 */
export async function recordPaymentOutcome(unit: Unit, { row, outcome }: ResolvedPayment): Promise<bigint> {
  switch (outcome.state) {
    case "open":
      await updatePayment(unit.tx, row, { state: "unknown" }, unit.at);
      return 0n;
    case "settled":
      await settle(unit, row);
      await updatePayment(unit.tx, row, outcome, unit.at);
      // Whoever wanted what was paid for has gone; asking again with the same payment may still bring it.
      if (row.terms.kind !== "transfer") {
        await updateContent(unit.tx, row, { content: undefined, isDelivered: false, at: unit.at });
      }
      return 0n;
    case "unsigned":
      await updatePayment(unit.tx, row, { state: "cancelled" }, unit.at);
      return release(unit, row);
    case "cancelled":
    case "expired":
      await updatePayment(unit.tx, row, { state: outcome.state }, unit.at);
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
    case "unsigned":
      return "not_started";
    case "cancelled":
    case "expired":
      return "aborted";
  }
}
