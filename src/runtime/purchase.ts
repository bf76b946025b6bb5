import { PaygentError } from "../protocol/errors.ts";
import { formatUnits, formatUsd } from "../protocol/money.ts";
import type { PaymentTerms, ServiceResponse } from "../protocol/payment.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import { findPayment, updatePayment } from "../store/payments.ts";
import type { SpendKey } from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";
import { admit, type CheckedCall, checkCeiling, type QuotedPurchase } from "./admit.ts";
import { confirmApproved } from "./approved-purchase.ts";
import { release, settle } from "./budget.ts";
import { type PaymentEnd, pay, recordPayment } from "./pay.ts";
import { type CallOutcome, ifAdmitted, type Performance, unlessAllowed } from "./performance.ts";
import { unlessAborted } from "./stop.ts";
import type { Tool } from "./tool.ts";

/** Buys what a payment tool wants: quote, policy, money set aside, signature, chain; each at most once. */
export async function performPayment(
  run: Performance,
  tool: Extract<Tool, { effect: "payment" }>,
  checked: CheckedCall,
  grant: ApprovalRow | undefined,
): Promise<"waiting" | CallOutcome> {
  const key = { executionId: run.executionId, toolId: checked.toolId, epoch: 0 };
  const purchase = tool.purchase(checked.args);
  const begun = await findPayment(run.store.db, key);
  if (begun !== undefined) return payFor(run, begun.terms, key, purchase.payee);
  if (grant?.terms === undefined) {
    run.mark("aborted");
    const quote = await unlessAborted(run.wallet.quote(purchase.url, run.signal), run.signal);
    if (quote.kind === "free") {
      return (await ifAdmitted(run, checked, grant)) ?? { result: contentOf(quote.response) };
    }
    const quoted = { purchase, terms: quote.terms };
    checkCeiling(quoted);
    run.mark("not_started");
    const instead = await admitPurchase(run, checked, quoted, key);
    if (instead !== undefined) return instead;
    return payFor(run, quote.terms, key, purchase.payee);
  }
  const confirmed = await confirmApproved(run, checked, { grant, purchase, key });
  switch (confirmed.kind) {
    case "asked":
      return "waiting";
    case "refused":
      return { error: confirmed.error, isFatal: confirmed.isFatal, record: (unit) => giveBack(unit, key) };
    case "free":
      return { result: contentOf(confirmed.response), record: (unit) => giveBack(unit, key) };
    case "confirmed":
      return payFor(run, confirmed.terms, key, purchase.payee);
  }
}

async function giveBack(unit: Unit, key: SpendKey): Promise<void> {
  await release(unit, key);
}

async function admitPurchase(run: Performance, call: CheckedCall, quoted: QuotedPurchase, key: SpendKey) {
  const admission = await run.commit(async (unit) => {
    const admitted = await admit(unit, call, quoted);
    if (admitted.kind === "allowed") await recordPayment(unit, key, quoted.terms);
    return admitted;
  });
  return unlessAllowed(admission);
}

async function payFor(run: Performance, terms: PaymentTerms, key: SpendKey, payee: string): Promise<CallOutcome> {
  const end = await run.withEffect(() => {
    run.mark("unknown");
    return pay(run, key, terms);
  });
  // A run that is being stopped leaves the payment, and what was paid for, to whoever concludes the execution
  // or goes on with it.
  const isUnfinished = end.kind === "unknown" || (end.kind === "settled" && end.response === undefined);
  if (isUnfinished && run.signal.aborted) throw run.signal.reason;
  return outcomeOf(terms, key, payee, end);
}

function outcomeOf(terms: PaymentTerms, key: SpendKey, payee: string, end: PaymentEnd): CallOutcome {
  switch (end.kind) {
    case "unknown":
      return { error: end.error };
    case "void":
      return {
        error: end.error,
        async record(unit) {
          await release(unit, key);
          await updatePayment(unit.tx, key, { state: "cancelled", at: unit.at });
        },
      };
    case "settled": {
      const amount = formatUnits(BigInt(terms.amount), terms.decimals);
      const cost = {
        amount,
        currency: terms.currency,
        usd: formatUsd(BigInt(terms.usdMicros)),
        tx_hash: end.txHash,
      };
      const payment = { payee, amount, currency: terms.currency, network: terms.network, tx_hash: end.txHash };
      const record = async (unit: Unit) => {
        await settle(unit, key);
        const { response: content, txHash } = end;
        await updatePayment(unit.tx, key, { state: "settled", txHash, content, at: unit.at });
      };
      const { response } = end;
      if (response !== undefined && response.status >= 200 && response.status < 300) {
        return { result: { ...contentOf(response), payment }, cost, record };
      }
      const answer = response === undefined ? "did not answer" : `answered ${response.status}`;
      return {
        result: { payment },
        error: new PaygentError(
          "tool_failed",
          `${payee} was paid ${amount} ${terms.currency} (transaction ${end.txHash}) but ${answer}. It is not paid again.`,
        ),
        cost,
        record,
      };
    }
  }
}

const maxContentLength = 64 * 1024;

/** What a service delivered, as data: JSON where it is some, else text. */
function contentOf(response: ServiceResponse) {
  const { status, contentType, body } = response;
  const base = { status, content_type: contentType };
  if (body.length > maxContentLength) return { ...base, body: body.slice(0, maxContentLength), truncated: true };
  if (!/\bjson\b/i.test(contentType)) return { ...base, body };
  try {
    return { ...base, body: JSON.parse(body) as unknown };
  } catch {
    // The service calls it JSON, but it is not: what it sent is passed on as text.
    return { ...base, body };
  }
}
