import { PaygentError } from "../protocol/errors.ts";
import { formatUnits, formatUsd } from "../protocol/money.ts";
import { newId } from "../protocol/new-id.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import {
  findPayment,
  type PaymentQuote,
  type PaymentRow,
  recordQuote,
  updateContent,
  updatePayment,
} from "../store/payments.ts";
import type { SpendKey } from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";
import { admit } from "./admit.ts";
import { confirmApproved, type UnpricedQuote } from "./approved-purchase.ts";
import { release, settle } from "./budget.ts";
import { type CallOutcome, type CallRun, ifAdmitted, unlessAllowed } from "./call-run.ts";
import type { CheckedCall } from "./checked-call.ts";
import { contentOf, isDelivered } from "./content.ts";
import { askEarlier, type Earlier } from "./earlier-payment.ts";
import { type Payable, type PaymentEnd, pay, priceText } from "./pay.ts";
import { paymentFacts } from "./payment-facts.ts";
import { askPrice, requestHash } from "./quote.ts";
import { checkCeiling } from "./quoted-purchase.ts";
import { startOnce } from "./start-once.ts";
import { unlessAborted } from "./stop.ts";
import type { Purchase, Tool } from "./tool.ts";
import type { Quote } from "./wallet.ts";
import { isSafe } from "./web.ts";

/** Pays for what a payment tool wants: quote, policy, money set aside, signature, chain; each at most once. */
export async function performPayment(
  run: CallRun,
  tool: Extract<Tool, { effect: "payment" }>,
  checked: CheckedCall,
  grant: ApprovalRow | undefined,
): Promise<"waiting" | CallOutcome> {
  const key = { executionId: run.executionId, toolId: checked.toolId };
  const purchase = tool.purchase(checked.args);
  const begun = await findPayment(run.store.db, key);
  const approvedUntil = grant?.expiresAt;
  if (begun !== undefined && begun.state !== "quoted") return payFor(run, { ...begun, approvedUntil });

  const about = unpricedQuote(run, checked, purchase, begun);
  if (grant?.terms !== undefined) {
    const confirmed = await confirmApproved(run, checked, { grant, purchase, about });
    switch (confirmed.kind) {
      case "asked":
        return "waiting";
      case "refused":
        return { error: confirmed.error, isFatal: confirmed.isFatal };
      case "free":
        return { result: contentOf(confirmed.response) };
      case "confirmed":
        return payFor(run, { ...reserved(confirmed.quote), approvedUntil });
    }
  }

  const earlier = await askEarlier(run, checked, grant, about);
  if (earlier.kind === "waiting") return "waiting";
  if (earlier.kind === "served") return earlier.outcome;
  const quote = await requestQuote(run, checked, grant, purchase);
  if (quote === "waiting" || !("kind" in quote)) return quote;
  if (quote.kind === "free") {
    if (purchase.kind === "page") return { result: contentOf(quote.response) };
    return (await ifAdmitted(run, checked, grant)) ?? { result: contentOf(quote.response) };
  }
  checkCeiling({ purchase, terms: quote.terms });
  run.mark("not_started");
  const priced = { ...about, terms: quote.terms, repeats: earlier.repeats ?? about.repeats };
  const instead = await admitPurchase(run, checked, purchase, priced, earlier);
  return instead ?? payFor(run, reserved(priced));
}

/** The payment's record but for its terms, which are asked for next. */
function unpricedQuote(
  run: CallRun,
  checked: CheckedCall,
  purchase: Purchase,
  begun: PaymentRow | undefined,
): UnpricedQuote {
  return {
    executionId: run.executionId,
    toolId: checked.toolId,
    id: begun?.id ?? newId(),
    sessionId: run.sessionId,
    toolName: checked.tool.name,
    payee: purchase.payee,
    repeats: begun?.repeats,
    requestHash: requestHash(purchase),
  };
}

/** The row that `recordQuote` has just written for a payment that goes ahead. */
function reserved(quote: PaymentQuote): PaidFor {
  return { ...quote, state: "reserved", signed: undefined };
}

type PaidFor = Payable & Pick<PaymentRow, "id" | "payee">;

/** Asks for the price. What goes to an address that nobody has vouched for must be allowed before it does. */
async function requestQuote(
  run: CallRun,
  checked: CheckedCall,
  grant: ApprovalRow | undefined,
  purchase: Purchase,
): Promise<"waiting" | CallOutcome | Quote> {
  const ask = () => unlessAborted(askPrice(run, purchase, run.signal), run.signal);
  if (purchase.kind === "page" && !isSafe(purchase)) {
    return run.withEffect(async () => {
      const instead = await startOnce(run, checked, grant);
      if (instead !== undefined) return instead;
      run.mark("unknown");
      return ask();
    });
  }
  const instead = purchase.kind === "page" ? await ifAdmitted(run, checked, grant) : undefined;
  if (instead !== undefined) return instead;
  run.mark("aborted");
  return ask();
}

async function admitPurchase(
  run: CallRun,
  call: CheckedCall,
  purchase: Purchase,
  quote: PaymentQuote,
  { mustAsk }: Earlier & { kind: "none" },
): Promise<"waiting" | undefined> {
  const admission = await run.commit(async (unit) => {
    const admitted = await admit(unit, call, { purchase, terms: quote.terms, mustAsk });
    if (admitted.kind === "allowed") await recordQuote(unit.tx, quote, "reserved", unit.at);
    if (admitted.kind === "asked") await recordQuote(unit.tx, quote, "quoted", unit.at);
    return admitted;
  });
  return unlessAllowed(admission);
}

async function payFor(run: CallRun, payment: PaidFor): Promise<CallOutcome> {
  const end = await run.withEffect(() => {
    run.mark("unknown");
    return pay(run, payment);
  });
  // A run that is being stopped leaves the payment, and what was paid for, to whoever concludes the execution
  // or goes on with it.
  const isServed = payment.terms.kind === "transfer" || (end.kind === "settled" && end.response !== undefined);
  const isUnfinished = end.kind === "unknown" || (end.kind === "settled" && !isServed);
  if (isUnfinished && run.signal.aborted) throw run.signal.reason;
  return outcomeOf(payment, end);
}

function outcomeOf(payment: PaidFor, end: PaymentEnd): CallOutcome {
  const key: SpendKey = payment;
  switch (end.kind) {
    case "unknown":
      return {
        error: end.error,
        result: { payment: paymentFacts(payment) },
        record: (unit) => updatePayment(unit.tx, key, { state: "unknown" }, unit.at),
      };
    case "void":
      return {
        error: end.error,
        async record(unit) {
          await release(unit, key);
          await updatePayment(unit.tx, key, { state: end.state }, unit.at);
        },
      };
    case "settled":
      return settledOutcome(payment, end);
  }
}

function settledOutcome(payment: PaidFor, end: PaymentEnd & { kind: "settled" }): CallOutcome {
  const { terms, payee } = payment;
  const { response, txHash, block } = end;
  const isTransfer = terms.kind === "transfer";
  const facts = { ...paymentFacts(payment), tx_hash: txHash };
  const cost = {
    amount: formatUnits(BigInt(terms.amount), terms.decimals),
    currency: terms.currency,
    usd: formatUsd(BigInt(terms.usdMicros)),
    tx_hash: txHash,
    payment_id: payment.id,
  };
  const delivered = response !== undefined && isDelivered(response);
  const record = async (unit: Unit) => {
    await settle(unit, payment);
    await updatePayment(unit.tx, payment, { state: "settled", txHash, block }, unit.at);
    if (isTransfer) return;
    await updateContent(unit.tx, payment, { content: response, isDelivered: delivered, at: unit.at });
  };
  if (isTransfer) return { result: { payment: facts }, cost, record };
  if (delivered) return { result: { ...contentOf(response), payment: facts }, cost, record };
  const answer = response === undefined ? "did not answer" : `answered ${response.status}`;
  return {
    result: { payment: facts },
    error: new PaygentError(
      "tool_failed",
      `${payee} was paid ${priceText(terms)} (transaction ${txHash}) but ${answer}. It is not paid again.`,
    ),
    cost,
    record,
  };
}
