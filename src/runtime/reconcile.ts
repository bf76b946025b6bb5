import { PaygentError } from "../protocol/errors.ts";
import { findExecution } from "../store/executions.ts";
import { deferPayment, duePayments, findPayment, isOut, type PaymentRow } from "../store/payments.ts";
import { isoTime } from "./clock.ts";
import { recordPaymentOutcome, resolvePayment } from "./resolve-payments.ts";
import { commitCommand, type Runtime } from "./runtime.ts";

const batch = 200;
/** How many payments are looked up side by side: enough to keep the chain busy, few enough to leave it to others. */
const atOnce = 16;
const shortestWaitMs = 1000;
const longestWaitMs = 30_000;

/**
 * Drives every payment that nobody works on to its end: the chain is asked to void it and then what it saw,
 * and ledger, payment and watchers are brought to that. One that stays open is looked at again later.
 */
export async function reconcileDue(runtime: Runtime, signal: AbortSignal): Promise<void> {
  const { store, clock } = runtime;
  let due: PaymentRow[];
  do {
    due = await duePayments(store.db, isoTime(clock.now()), batch);
    const rest = due.values();
    await Promise.all(Array.from({ length: atOnce }, () => work(runtime, rest, signal)));
  } while (due.length === batch && !signal.aborted);
}

async function work(runtime: Runtime, rest: Iterable<PaymentRow>, signal: AbortSignal): Promise<void> {
  for (const payment of rest) {
    if (signal.aborted) return;
    try {
      if (await reconcile(runtime, payment)) continue;
    } catch (error) {
      runtime.log.error({ err: error, payment_id: payment.id }, "could not reconcile a payment");
    }
    await putOff(runtime, payment);
  }
}

/** Whether the payment has come to its end. */
async function reconcile(runtime: Runtime, payment: PaymentRow): Promise<boolean> {
  const outcome = await resolvePayment(runtime.wallet, payment);
  if (outcome.state === "open" && payment.state === "unknown") return false;
  const { executionId, sessionId } = payment;
  await commitCommand(runtime, { sessionId, executionId }, async (unit) => {
    const row = await findPayment(unit.tx, payment);
    if (row === undefined || !(isOut(row) || row.state === "reserved")) return;
    // Somebody has signed it since.
    if (outcome.state === "unsigned" && row.signed !== undefined) return;
    await recordPaymentOutcome(unit, { row, outcome });
  });
  // A run whose call gave up on it may still be at work, and finds the new balance in the log.
  const execution = await findExecution(runtime.store.db, executionId);
  if (execution?.endedAt === null) runtime.worker.poke(executionId);
  return outcome.state !== "open";
}

/** Waits longer the longer it has been open: nothing more can happen to most of them until they expire. */
async function putOff({ store, clock, log }: Runtime, payment: PaymentRow): Promise<void> {
  const now = clock.now();
  const age = now - Date.parse(payment.unknownAt ?? payment.sentAt ?? payment.quotedAt);
  const wait = Math.min(longestWaitMs, Math.max(shortestWaitMs, age / 4));
  try {
    await store.write((tx) => deferPayment(tx, payment, isoTime(now + wait)));
  } catch (error) {
    if (!(error instanceof PaygentError)) throw error;
    log.warn({ err: error, payment_id: payment.id }, "could not put off the look at a payment");
  }
}
