import { setTimeout as delay } from "node:timers/promises";
import { PaygentError } from "../protocol/errors.ts";
import { formatUnits } from "../protocol/money.ts";
import type { PaymentTerms, ServiceResponse, SignedPayment } from "../protocol/payment.ts";
import type { Store } from "../store/database.ts";
import { type FreezeRow, freezesOfSession } from "../store/freezes.ts";
import { type PaymentRow, updatePayment } from "../store/payments.ts";
import { onlyEpoch, type SpendKey } from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";
import { frozenError, refuseIfFrozen } from "./frozen.ts";
import { unlessAborted } from "./stop.ts";
import { tracedStep } from "./traced.ts";
import type { ChainOutcome, Wallet } from "./wallet.ts";
import type { Web } from "./web.ts";

/** How a payment stands when the call that wanted it has done what it can. */
export type PaymentEnd =
  | {
      readonly kind: "settled";
      readonly txHash: string;
      readonly block: string;
      readonly response: ServiceResponse | undefined;
    }
  | { readonly kind: "void"; readonly state: "cancelled" | "expired"; readonly error: PaygentError }
  /** The money may still move: it stays set aside until the chain has spoken. */
  | { readonly kind: "unknown"; readonly error: PaygentError };

/** What signed bytes are sent with. */
export interface Sender {
  readonly wallet: Wallet;
  readonly web: Web;
  readonly signal: AbortSignal;
}

/** A payment as far as it was recorded. */
export type Payable = SpendKey &
  Pick<PaymentRow, "terms" | "state" | "signed"> & {
    /** When the approval ends that it is paid on. */
    readonly approvedUntil?: string | undefined;
  };

interface Payer extends Sender {
  readonly store: Store;
  readonly sessionId: string;
  /** Commits under the run's lease; refuses once the execution is cancelled or taken over. */
  commit<T>(work: (unit: Unit) => Promise<T>): Promise<T>;
  /** Refuses once the execution is taken over; a node that was stopped for a while learns it here. */
  confirm(): Promise<void>;
}

const sendAttempts = 3;
const retryDelayMs = 200;

/**
 * Pays a recorded payment, at most once, from wherever an earlier attempt stopped: the signed bytes are
 * stored before they are sent, exactly those bytes are sent again, and only the chain is asked whether money
 * moved.
 */
export async function pay(payer: Payer, payment: Payable): Promise<PaymentEnd> {
  const { terms } = payment;
  let { signed } = payment;
  let outcome: ChainOutcome = { state: "open" };
  if (signed === undefined) {
    try {
      signed = await sign(payer, payment);
    } catch (error) {
      if (!(error instanceof PaygentError) || error.code === "unavailable") throw error;
      return { kind: "void", state: "cancelled", error };
    }
  } else {
    if (payment.state === "signed") await recordSent(payer, payment, signed);
    outcome = await askChain(payer.wallet, terms, signed);
  }

  let response: ServiceResponse | undefined;
  let freeze: FreezeRow | undefined;
  for (let attempt = 1; outcome.state === "open" && attempt <= sendAttempts; attempt++) {
    if (attempt > 1) await delay(retryDelayMs * attempt, undefined, { signal: payer.signal }).catch(() => undefined);
    await payer.confirm();
    // Looked at last: what is frozen while this waits is not sent.
    [freeze] = await freezesOfSession(payer.store.db, payer.sessionId);
    if (freeze !== undefined) break;
    response = await send(payer, terms, signed);
    outcome = await askChain(payer.wallet, terms, signed);
    // A cancelled execution stops sending; what is out already is settled by whoever finishes it.
    if (payer.signal.aborted) break;
  }
  // Settled before a crash: the same bytes cannot settle twice, and a service that knows them delivers again.
  if (outcome.state === "settled" && response === undefined) {
    await payer.confirm();
    response = await send(payer, terms, signed);
  }
  if (outcome.state === "open" && !payer.signal.aborted) {
    await payer.confirm();
    outcome = await voidPayment(payer.wallet, terms, signed);
  }
  const end = endOf(terms, outcome, response);
  return end.kind === "void" && freeze !== undefined ? { ...end, error: frozenError(freeze) } : end;
}

/** Asks the chain to void an authorization, and then which of settling and voiding it saw. */
export async function voidPayment(wallet: Wallet, terms: PaymentTerms, signed: SignedPayment): Promise<ChainOutcome> {
  try {
    await tracedStep("void", terms, () => wallet.cancel(terms, signed));
  } catch (error) {
    // Losing the race against a settlement is one of the reasons; the chain tells which it was.
    if (!(error instanceof PaygentError)) throw error;
  }
  return askChain(wallet, terms, signed);
}

/** The chain's word; a chain that does not answer leaves the outcome open. */
export async function askChain(wallet: Wallet, terms: PaymentTerms, signed: SignedPayment): Promise<ChainOutcome> {
  try {
    return await tracedStep("look", terms, () => wallet.outcome(terms, signed));
  } catch (error) {
    if (error instanceof PaygentError && (error.code === "unavailable" || error.code === "payment_unverified")) {
      return { state: "open" };
    }
    throw error;
  }
}

async function sign(payer: Payer, payment: Payable): Promise<SignedPayment> {
  await payer.confirm();
  await refuseIfFrozen(payer.store.db, payer.sessionId);
  const notAfter = payment.approvedUntil === undefined ? undefined : Date.parse(payment.approvedUntil);
  const { terms } = payment;
  const { signal } = payer;
  const { executionId, toolId } = payment;
  const intent = { executionId, toolId, epoch: onlyEpoch };
  const signing = tracedStep("sign", terms, () => payer.wallet.sign(terms, intent, { notAfter, signal }));
  const signed = await unlessAborted(signing, signal);
  await recordSent(payer, payment, signed);
  return signed;
}

/** Stores the signed bytes and that they go out, before the first of them does. A run that is being stopped sends nothing. */
async function recordSent(payer: Payer, payment: Payable, signed: SignedPayment): Promise<void> {
  const state = payer.signal.aborted ? "signed" : "sent";
  await payer.commit(async (unit) => {
    // A signature that was never stored was never sent: thrown away, it can move nothing.
    if (payment.signed === undefined) await refuseIfFrozen(unit.tx, payer.sessionId);
    await updatePayment(unit.tx, payment, { state, signed }, unit.at);
  });
}

/** Sends the signed bytes. Whatever goes wrong here says nothing about the money, so it is no failure yet. */
export async function send(
  { wallet, web, signal }: Sender,
  terms: PaymentTerms,
  signed: SignedPayment,
): Promise<ServiceResponse | undefined> {
  if (signal.aborted) return undefined;
  try {
    const sending = tracedStep("send", terms, () =>
      terms.kind === "page"
        ? web.pay({ url: terms.url, method: terms.method ?? "GET", body: terms.body }, signed.header, signal)
        : wallet.send(terms, signed, signal),
    );
    return await unlessAborted(sending, signal);
  } catch (error) {
    if (error instanceof PaygentError || signal.aborted) return undefined;
    throw error;
  }
}

/** An amount with its currency, for a sentence. */
export function priceText(terms: PaymentTerms): string {
  return `${formatUnits(BigInt(terms.amount), terms.decimals)} ${terms.currency}`;
}

function endOf(terms: PaymentTerms, outcome: ChainOutcome, response: ServiceResponse | undefined): PaymentEnd {
  const what = `The ${terms.kind === "transfer" ? "transfer" : "payment"} of ${priceText(terms)}`;
  switch (outcome.state) {
    case "settled":
      return { kind: "settled", txHash: outcome.txHash, block: outcome.block, response };
    case "cancelled":
    case "expired": {
      const by = terms.kind === "transfer" ? "the chain" : "the service";
      const sentence = `${what} was not taken by ${by} and is void; no money moved. Ask again to try anew.`;
      return { kind: "void", state: outcome.state, error: new PaygentError("payment_failed", sentence) };
    }
    case "open":
      return {
        kind: "unknown",
        error: new PaygentError(
          "payment_unknown",
          `Whether ${what.replace("The", "the")} went through is not known yet. The amount stays reserved until the chain tells; it is not paid again.`,
        ),
      };
  }
}
