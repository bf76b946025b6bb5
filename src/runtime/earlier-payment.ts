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

  return run.withEffect(async () => {
    run.mark("aborted");
    const { wallet } = run;
    const { terms, signed } = row;
    if (signed === undefined) return { kind: "none" };
    if (terms.kind === "page") requireHost(new URL(terms.url).host, run.config);
    const isTransfer = terms.kind === "transfer";
    let outcome: ChainOutcome = isOut(row) ? await askChain(wallet, terms, signed) : settledBefore(row);
    const mustSend = outcome.state === "open" || (outcome.state === "settled" && !isTransfer);
    const response = mustSend ? await send(run, terms, signed) : undefined;
    if (outcome.state === "open") outcome = await askChain(wallet, terms, signed);
    if (run.signal.aborted) throw run.signal.reason;

    const delivered = outcome.state === "settled" && response !== undefined && isDelivered(response);
    await commitCommand(run, row, async (unit) => {
      if (delivered) await updateContent(unit.tx, row, { content: response, isDelivered: true, at: unit.at });
      if (isOut(row)) await recordPaymentOutcome(unit, { row, outcome });
    });
    switch (outcome.state) {
      case "cancelled":
      case "expired":
        return { kind: "none" };
      case "open":
        return {
          kind: "none",
          repeats: row.id,
          mustAsk: repeat(
            `${priceText(terms)} for the same are out already (payment ${row.id}), and whether they are taken is not known yet. Pay a second time?`,
          ),
        };
      case "settled": {
        const { txHash } = outcome;
        if (isTransfer) return { kind: "served", outcome: { result: { payment: factsOf(row, txHash) } } };
        if (delivered && response !== undefined) {
          const result = { ...contentOf(response), payment: factsOf(row, txHash) };
          return { kind: "served", outcome: { result } };
        }
        return {
          kind: "none",
          repeats: row.id,
          mustAsk: repeat(
            `${row.payee} was paid ${priceText(terms)} for the same already (transaction ${txHash}) and delivered nothing. Pay a second time?`,
          ),
        };
      }
    }
  });
}

function repeat(reason: string) {
  return { rule: "repeat", reason };
}

function settledBefore({ txHash = "", block = "" }: PaymentRow): ChainOutcome {
  return { state: "settled", txHash, block };
}

/** The money moved earlier, so this is no cost of the call that is served now. */
function factsOf(row: PaymentRow, txHash: string) {
  return { ...paymentFacts(row), tx_hash: txHash, paid_before: true };
}
