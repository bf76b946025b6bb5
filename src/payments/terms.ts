import { type PaymentRequiredV2, PaymentRequiredV2Schema } from "@x402/core/schemas";
import { type Address, getAddress, isAddress, zeroAddress } from "viem";
import * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import { parseJson } from "../protocol/json-text.ts";
import { USD_DECIMALS } from "../protocol/money.ts";
import type { PaymentTerms } from "../protocol/payment.ts";
import { untrustedText } from "../runtime/untrusted-text.ts";
import { checksummed } from "./checksummed.ts";
import type { Token } from "./token.ts";

const headerLimitChars = 16_384;
const longestTimeoutSeconds = 86_400;

/** What a wallet is ready to pay with. */
export interface Accepted {
  readonly network: string;
  readonly token: Token;
  readonly payer: Address;
}

/** A 402 cut down to the one option that is paid, as the service wrote it. */
export const FrozenOffer = z.object({
  resource: z.record(z.string(), z.unknown()),
  accepted: z.record(z.string(), z.unknown()),
  extensions: z.record(z.string(), z.unknown()).optional(),
});
export type FrozenOffer = z.infer<typeof FrozenOffer>;

type Option = PaymentRequiredV2["accepts"][number];

/**
 * Reads the `PAYMENT-REQUIRED` header of a 402 (x402 v2, scheme `exact`, EIP-3009) strictly: whatever is not
 * plainly one price in our token for one payee throws `payment_terms_invalid`, and nothing is signed.
 */
export function parseTerms(url: string, header: string, accepted: Accepted): PaymentTerms {
  const raw = decode(header);
  const offer = PaymentRequiredV2Schema.safeParse(raw);
  if (!offer.success) throw invalid("its offer is not one of x402 version 2");
  const index = choose(offer.data.accepts, accepted);
  const option = offer.data.accepts[index];
  if (option === undefined) throw invalid("it offers nothing");
  const { token } = accepted;
  return {
    url,
    network: option.network,
    asset: token.address,
    currency: token.symbol,
    decimals: token.decimals,
    payTo: checkedPayee(option.payTo, accepted),
    amount: checkedAmount(option.amount),
    usdMicros: usdMicrosOf(BigInt(option.amount), token.decimals),
    maxTimeoutSeconds: checkedTimeout(option.maxTimeoutSeconds),
    requirements: freeze(raw, index),
    ...describe(offer.data.resource.description),
  };
}

function invalid(what: string): PaygentError {
  return new PaygentError(
    "payment_terms_invalid",
    `The service's terms of payment are not acceptable: ${what}. Nothing was paid; use another service.`,
  );
}

function decode(header: string): unknown {
  if (header.length > headerLimitChars) throw invalid("they are longer than 16 KiB");
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(header)) throw invalid("they are not base64");
  const text = Buffer.from(header, "base64").toString("utf8");
  try {
    return parseJson(text);
  } catch {
    throw invalid("they are not JSON, nested too deeply, or state something twice");
  }
}

/**
 * The one option to pay. Options of other networks, assets, schemes and transfer methods are passed over;
 * two that fit and differ are refused, because a cheap first one may be there to be shown and a dear second
 * one to be paid.
 */
function choose(options: readonly Option[], accepted: Accepted): number {
  const fitting = options.flatMap((option, index) => (isOurs(option, accepted) ? [index] : []));
  const [first] = fitting;
  if (first === undefined)
    throw invalid(
      `it does not offer payment in ${accepted.token.symbol} on ${accepted.network} by scheme exact and EIP-3009`,
    );
  const distinct = new Set(fitting.map((index) => JSON.stringify(options[index])));
  if (distinct.size > 1) throw invalid("it offers several different prices or payees for the same currency");
  return first;
}

function isOurs(option: Option, { network, token }: Accepted): boolean {
  const extra = option.extra ?? {};
  return (
    option.scheme === "exact" &&
    option.network === network &&
    isAddress(option.asset, { strict: false }) &&
    getAddress(option.asset) === token.address &&
    (extra.assetTransferMethod ?? "eip3009") === "eip3009" &&
    (extra.paymentFlow ?? "authorization") === "authorization" &&
    // A wrong domain would only make a worthless signature, but an honest service knows its token.
    extra.name === token.name &&
    extra.version === token.version
  );
}

function checkedAmount(amount: string): string {
  if (!/^[1-9]\d{0,29}$/.test(amount)) throw invalid("its amount is not a whole number of the smallest unit above 0");
  return amount;
}

function checkedPayee(payTo: string, { token, payer }: Accepted): Address {
  const payee = checksummed(payTo);
  if (payee === undefined) throw invalid("its payee is not a valid address");
  if (payee === zeroAddress || payee === token.address) throw invalid("its payee cannot receive payments");
  if (payee === payer) throw invalid("its payee is this wallet itself");
  return payee;
}

function checkedTimeout(seconds: number): number {
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > longestTimeoutSeconds)
    throw invalid("its time limit is not between 1 second and a day");
  return seconds;
}

/** Rounded up: a budget is never charged less than what is paid. */
export function usdMicrosOf(amount: bigint, decimals: number): string {
  const scale = 10n ** BigInt(Math.abs(decimals - USD_DECIMALS));
  const micros = decimals >= USD_DECIMALS ? (amount + scale - 1n) / scale : amount * scale;
  if (micros >= 10n ** 18n) throw invalid("its amount is beyond any budget");
  return micros.toString();
}

function freeze(raw: unknown, index: number): string {
  const offer = z
    .object({
      resource: FrozenOffer.shape.resource,
      accepts: z.array(FrozenOffer.shape.accepted),
      extensions: FrozenOffer.shape.extensions.nullable(),
    })
    .parse(raw);
  return JSON.stringify({
    resource: offer.resource,
    accepted: offer.accepts[index],
    extensions: offer.extensions ?? undefined,
  });
}

function describe(text: string | null | undefined): { description?: string } {
  const description = untrustedText(text ?? "");
  return description === undefined ? {} : { description };
}
