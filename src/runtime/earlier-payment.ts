import type { ServiceResponse, SignedPayment } from "../protocol/payment.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import { findUnserved, isOut, type PaymentQuote, type PaymentRow, updateContent } from "../store/payments.ts";
import { type CallOutcome, type CallRun, ifAdmitted } from "./call-run.ts";
import type { CheckedCall } from "./checked-call.ts";
import { contentOf, isDelivered } from "./content.ts";
import { askChain, priceText, send } from "./pay.ts";
import { paymentFacts } from "./payment-facts.ts";
import { requireHost } from "./policy.ts";
import { recordPaymentOutcome } from "./resolve-payments.ts";
import { commitCommand } from "./runtime.ts";
import type { ChainOutcome } from "./wallet.ts";

/** What an earlier payment for the same thing means for a call that asks for it again. */
export type Earlier =
  /** There is none, or it brought nothing: then `mustAsk` says why only a human may let it be paid again. */
  | {
      readonly kind: "none";
      readonly mustAsk?: { readonly rule: string; readonly reason: string };
      readonly repeats?: string;
    }
  | { readonly kind: "served"; readonly outcome: CallOutcome }
  | { readonly kind: "waiting" };

/**
 * Before anything is paid anew: a payment of this session for the same thing that brought nothing is shown to
 * the service once more, byte for byte. It cannot settle twice, and a service that knows it delivers.
 */
export async function askEarlier(
  run: CallRun,
  call: CheckedCall,
  grant: ApprovalRow | undefined,
  about: Pick<PaymentQuote, "sessionId" | "requestHash" | "toolId">,
): Promise<Earlier> {
  const row = await findUnserved(run.store.db, about);
  if (row?.signed === undefined) return { kind: "none" };
  if ((await ifAdmitted(run, call, grant)) === "waiting") return { kind: "waiting" };
  const { signed } = row;
  return run.withEffect(() => showAgain(run, row, signed));
}

async function showAgain(run: CallRun, row: PaymentRow, signed: SignedPayment): Promise<Earlier> {
  run.mark("aborted");
  const { wallet } = run;
  const { terms } = row;
  if (terms.kind === "page") requireHost(new URL(terms.url).host, run.config);
  let outcome: ChainOutcome = isOut(row) ? await askChain(wallet, terms, signed) : settledBefore(row);
  const mustSend = outcome.state === "open" || (outcome.state === "settled" && terms.kind !== "transfer");
  const response = mustSend ? await send(run, terms, signed) : undefined;
  if (outcome.state === "open") outcome = await askChain(wallet, terms, signed);
  if (run.signal.aborted) throw run.signal.reason;

  const isServed = outcome.state === "settled" && response !== undefined && isDelivered(response);
  const content = isServed ? response : undefined;
  await commitCommand(run, row, async (unit) => {
    if (content !== undefined) await updateContent(unit.tx, row, { content, isDelivered: true, at: unit.at });
    if (isOut(row)) await recordPaymentOutcome(unit, { row, outcome });
  });
  return meaningOf(row, outcome, content);
}

/** What a payment means that the chain says this of; `content` is what it has now brought, if anything. */
function meaningOf(row: PaymentRow, outcome: ChainOutcome, content: ServiceResponse | undefined): Earlier {
  const { id, payee, terms } = row;
  switch (outcome.state) {
    case "cancelled":
    case "expired":
      return { kind: "none" };
    case "open":
      return repeated(
        id,
        `${priceText(terms)} for the same are out already (payment ${id}), and whether they are taken is not known yet. Pay a second time?`,
      );
    case "settled": {
      const payment = factsOf(row, outcome.txHash);
      if (terms.kind === "transfer") return { kind: "served", outcome: { result: { payment } } };
      if (content !== undefined) return { kind: "served", outcome: { result: { ...contentOf(content), payment } } };
      return repeated(
        id,
        `${payee} was paid ${priceText(terms)} for the same already (transaction ${outcome.txHash}) and delivered nothing. Pay a second time?`,
      );
    }
  }
}

function repeated(id: string, reason: string): Earlier {
  return { kind: "none", repeats: id, mustAsk: { rule: "repeat", reason } };
}

function settledBefore({ txHash = "", block = "" }: PaymentRow): ChainOutcome {
  return { state: "settled", txHash, block };
}

/** The money moved earlier, so this is no cost of the call that is served now. */
function factsOf(row: PaymentRow, txHash: string) {
  return { ...paymentFacts(row), tx_hash: txHash, paid_before: true };
}
