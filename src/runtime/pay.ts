import { setTimeout as delay } from "node:timers/promises";
import { PaygentError } from "../protocol/errors.ts";
import { formatUnits } from "../protocol/money.ts";
import type { PaymentTerms, ServiceResponse, SignedPayment } from "../protocol/payment.ts";
import type { Store } from "../store/database.ts";
import { type FreezeRow, freezesOfSession } from "../store/freezes.ts";
import { findPayment, insertPayment, updatePayment } from "../store/payments.ts";
import type { SpendKey } from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";
import { frozenError, refuseIfFrozen } from "./frozen.ts";
import { unlessAborted } from "./stop.ts";
import type { ChainOutcome, Wallet } from "./wallet.ts";

/** How a payment stands when the call that wanted it has done what it can. */
export type PaymentEnd =
  | { readonly kind: "settled"; readonly txHash: string; readonly response: ServiceResponse | undefined }
  | { readonly kind: "void"; readonly error: PaygentError }
  /** The money may still move: it stays set aside until the chain has spoken. */
  | { readonly kind: "unknown"; readonly error: PaygentError };

interface Payer {
  readonly store: Store;
  readonly wallet: Wallet;
  readonly signal: AbortSignal;
  readonly sessionId: string;
  /** Commits under the run's lease; refuses once the execution is cancelled or taken over. */
  commit<T>(work: (unit: Unit) => Promise<T>): Promise<T>;
}

const sendAttempts = 3;
const retryDelayMs = 200;

/**
 * Pays frozen terms for one intent, at most once, from wherever an earlier attempt stopped: the signed
 * bytes are stored before they are sent, exactly those bytes are sent again, and only the chain is asked
 * whether money moved.
 */
export async function pay(payer: Payer, key: SpendKey, terms: PaymentTerms): Promise<PaymentEnd> {
  const stored = await findPayment(payer.store.db, key);
  let signed = stored?.signed;
  let outcome: ChainOutcome = { state: "open" };
  if (signed === undefined) signed = await sign(payer, key, terms, stored !== undefined);
  else outcome = await askChain(payer.wallet, terms, signed);

  let response: ServiceResponse | undefined;
  let freeze: FreezeRow | undefined;
  for (let attempt = 1; outcome.state === "open" && attempt <= sendAttempts; attempt++) {
    [freeze] = await freezesOfSession(payer.store.db, payer.sessionId);
    if (freeze !== undefined) break;
    if (attempt > 1) await delay(retryDelayMs * attempt, undefined, { signal: payer.signal }).catch(() => undefined);
    response = await send(payer, terms, signed);
    outcome = await askChain(payer.wallet, terms, signed);
    // A cancelled execution stops sending; what is out already is settled by whoever finishes it.
    if (payer.signal.aborted) break;
  }
  // Settled before a crash: the same bytes cannot settle twice, and a service that knows them delivers again.
  if (outcome.state === "settled" && response === undefined) response = await send(payer, terms, signed);
  if (outcome.state === "open" && !payer.signal.aborted) {
    outcome = await voidPayment(payer.wallet, terms, signed);
  }
  const end = endOf(terms, outcome, response);
  return end.kind === "void" && freeze !== undefined ? { ...end, error: frozenError(freeze) } : end;
}

/** Asks the chain to void an authorization, and then which of settling and voiding it saw. */
export async function voidPayment(wallet: Wallet, terms: PaymentTerms, signed: SignedPayment): Promise<ChainOutcome> {
  try {
    await wallet.cancel(terms, signed);
  } catch (error) {
    // Losing the race against a settlement is one of the reasons; the chain tells which it was.
    if (!(error instanceof PaygentError)) throw error;
  }
  return askChain(wallet, terms, signed);
}

/** The chain's word; a chain that does not answer leaves the outcome open. */
export async function askChain(wallet: Wallet, terms: PaymentTerms, signed: SignedPayment): Promise<ChainOutcome> {
  try {
    return await wallet.outcome(terms, signed);
  } catch (error) {
    if (error instanceof PaygentError && (error.code === "unavailable" || error.code === "payment_unverified")) {
      return { state: "open" };
    }
    throw error;
  }
}

async function sign(payer: Payer, key: SpendKey, terms: PaymentTerms, isRecorded: boolean): Promise<SignedPayment> {
  if (!isRecorded) await payer.commit((unit) => recordPayment(unit, key, terms));
  await refuseIfFrozen(payer.store.db, payer.sessionId);
  const signed = await unlessAborted(payer.wallet.sign(terms, key), payer.signal);
  await payer.commit(async (unit) => {
    // A signature that was never stored was never sent: thrown away, it can move nothing.
    await refuseIfFrozen(unit.tx, payer.sessionId);
    await updatePayment(unit.tx, key, { state: "signed", signed, at: unit.at });
  });
  return signed;
}

export async function recordPayment(unit: Unit, key: SpendKey, terms: PaymentTerms): Promise<void> {
  await insertPayment(unit.tx, { ...key, sessionId: unit.session.id, terms, at: unit.at });
}

/** Sends the signed bytes. Whatever goes wrong here says nothing about the money, so it is no failure yet. */
async function send(payer: Payer, terms: PaymentTerms, signed: SignedPayment): Promise<ServiceResponse | undefined> {
  if (payer.signal.aborted) return undefined;
  try {
    return await unlessAborted(payer.wallet.send(terms, signed, payer.signal), payer.signal);
  } catch (error) {
    if (error instanceof PaygentError || payer.signal.aborted) return undefined;
    throw error;
  }
}

function endOf(terms: PaymentTerms, outcome: ChainOutcome, response: ServiceResponse | undefined): PaymentEnd {
  const amount = `${formatUnits(BigInt(terms.amount), terms.decimals)} ${terms.currency}`;
  switch (outcome.state) {
    case "settled":
      return { kind: "settled", txHash: outcome.txHash, response };
    case "cancelled":
    case "expired":
      return {
        kind: "void",
        error: new PaygentError(
          "payment_failed",
          `The payment of ${amount} was not taken by the service and is void; no money moved. Ask again to try anew.`,
        ),
      };
    case "open":
      return {
        kind: "unknown",
        error: new PaygentError(
          "payment_unknown",
          `Whether the payment of ${amount} went through is not known yet. The amount stays reserved until the chain tells; it is not paid again.`,
        ),
      };
  }
}
