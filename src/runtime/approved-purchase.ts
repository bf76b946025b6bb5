import { PaygentError } from "../protocol/errors.ts";
import { PaymentTerms, type ServiceResponse } from "../protocol/payment.ts";
import type { ApprovalRow } from "../store/approvals.ts";
import { type PaymentQuote, recordQuote } from "../store/payments.ts";
import type { SpendKey } from "../store/spends.ts";
import type { Unit } from "../store/unit.ts";
import { requestApproval } from "./approval-request.ts";
import { reserve, stillCovered } from "./budget.ts";
import type { CallRun } from "./call-run.ts";
import type { CheckedCall } from "./checked-call.ts";
import { priceText } from "./pay.ts";
import { judge } from "./policy.ts";
import { policyFacts } from "./policy-facts.ts";
import { askPrice } from "./quote.ts";
import { checkCeiling, priceOf, type QuotedPurchase } from "./quoted-purchase.ts";
import { unlessAborted } from "./stop.ts";
import type { Purchase } from "./tool.ts";
import type { Quote } from "./wallet.ts";
import { isSafe } from "./web.ts";

/** What the last look before an approved payment found. */
export type Confirmed =
  /** The terms to pay, recorded for it. */
  | { readonly kind: "confirmed"; readonly quote: PaymentQuote }
  | { readonly kind: "asked" }
  | { readonly kind: "free"; readonly response: ServiceResponse }
  | { readonly kind: "refused"; readonly error: PaygentError; readonly isFatal: boolean };

export type UnpricedQuote = Omit<PaymentQuote, "terms">;

interface Approved {
  readonly grant: ApprovalRow;
  readonly purchase: Purchase;
  readonly about: UnpricedQuote;
}

/**
 * The last look before an approved payment is signed: the service is asked for its price once more, and policy,
 * freezes, budgets and the approval's own time are held against it, in the transaction that records the payment.
 * What is not what was approved is asked about again.
 */
export async function confirmApproved(run: CallRun, call: CheckedCall, approved: Approved): Promise<Confirmed> {
  try {
    run.mark("aborted");
    const quote = await unlessAborted(quoteAgain(run, approved), run.signal);
    if (quote.kind === "free") return quote;
    const quoted = { purchase: approved.purchase, terms: quote.terms };
    checkCeiling(quoted);
    run.mark("not_started");
    return await run.commit((unit) => confirm(unit, call, approved, quoted));
  } catch (error) {
    if (!(error instanceof PaygentError) || error.code === "unavailable" || run.signal.aborted) throw error;
    return { kind: "refused", error, isFatal: error.code === "budget_exceeded" };
  }
}

/** What may change something is asked once only: its price stays the one that was approved. */
async function quoteAgain(run: CallRun, { grant, purchase }: Approved): Promise<Quote> {
  if (purchase.kind === "page" && !isSafe(purchase)) return { kind: "paid", terms: termsOf(grant) };
  return askPrice(run, purchase, run.signal);
}

function termsOf(grant: ApprovalRow): PaymentTerms {
  return PaymentTerms.parse(JSON.parse(grant.terms ?? ""));
}

async function confirm(
  unit: Unit,
  call: CheckedCall,
  { grant, purchase, about }: Approved,
  quoted: QuotedPurchase,
): Promise<Confirmed> {
  const key: SpendKey = about;
  await requireAllowed(unit, call, quoted, key);
  const terms = termsOf(grant);
  const change = changeOf(terms, quoted.terms, purchase.payee) ?? expiryOf(grant, unit.at);
  if (change === undefined) {
    const quote = { ...about, terms };
    await recordQuote(unit.tx, quote, "reserved", unit.at);
    return { kind: "confirmed", quote };
  }
  const { micros, payee } = priceOf(call.tool, call.args, quoted);
  const refusal = await reserve(unit, key, { micros, payee });
  if (refusal !== undefined) throw refusal;
  const full = await requestApproval(unit, call, { ...change, quote: quoted });
  if (full !== undefined) throw full;
  await recordQuote(unit.tx, { ...about, terms: quoted.terms }, "quoted", unit.at);
  return { kind: "asked" };
}

/** Throws what policy or a budget has against the payment by now. */
async function requireAllowed(unit: Unit, call: CheckedCall, quoted: QuotedPurchase, key: SpendKey): Promise<void> {
  const { tool, args } = call;
  const price = priceOf(tool, args, quoted);
  const facts = await policyFacts(unit.tx, unit.session, { tool, price, at: unit.at });
  const verdict = judge({ tool, price, config: unit.session.config, facts });
  if (verdict.kind === "deny") throw verdict.error;
  const uncovered = await stillCovered(unit, key);
  if (uncovered !== undefined) throw uncovered;
}

interface Change {
  readonly rule: string;
  readonly reason: string;
}

/** How the terms differ from those that a human saw, in the fields that a person decides on. */
function changeOf(approved: PaymentTerms, now: PaymentTerms, payee: string): Change | undefined {
  const { network, asset, payTo, amount } = approved;
  if (now.network !== network) return drift(`${payee} now wants to be paid on ${now.network}, not on ${network}.`);
  if (now.asset !== asset) return drift(`${payee} now wants to be paid in ${now.asset}, not in ${asset}.`);
  if (now.payTo !== payTo) return drift(`${payee} now wants to be paid at ${now.payTo}, not at ${payTo}.`);
  if (now.amount === amount) return undefined;
  return drift(`${payee} now asks ${priceText(now)}; ${priceText(approved)} was approved.`);
}

function drift(reason: string): Change {
  return { rule: "drift", reason };
}

function expiryOf({ expiresAt }: ApprovalRow, at: string): Change | undefined {
  if (at < expiresAt) return undefined;
  return { rule: "approval_expired", reason: `The approval held until ${expiresAt} and was not used before.` };
}
