import { type Address, type Hex, zeroAddress } from "viem";
import * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import { parseUnits } from "../protocol/money.ts";
import type { PaymentTerms } from "../protocol/payment.ts";
import type { Transfer } from "../runtime/wallet.ts";
import { checksummed } from "./checksummed.ts";
import { type Accepted, usdMicrosOf } from "./terms.ts";

const windowSeconds = 600;

/**
 * Freezes a transfer. An address must be one that can hold money for somebody: whole, with its checksum right
 * where it has one, and neither nobody's, the wallet's own, nor the token's contract.
 */
export function transferTerms(transfer: Transfer, accepted: Accepted): PaymentTerms {
  const { token, network } = accepted;
  const amount = checkedAmount(transfer, accepted);
  return {
    kind: "transfer",
    url: "",
    network,
    asset: token.address,
    currency: token.symbol,
    decimals: token.decimals,
    payTo: checkedReceiver(transfer.to, accepted),
    amount: amount.toString(),
    usdMicros: usdMicrosOf(amount, token.decimals),
    maxTimeoutSeconds: windowSeconds,
    requirements: "{}",
  };
}

function invalid(sentence: string): PaygentError {
  return new PaygentError("invalid_arguments", sentence);
}

function checkedAmount({ amount, currency }: Transfer, { token, network }: Accepted): bigint {
  if (currency.toLowerCase() !== token.symbol.toLowerCase()) {
    throw invalid(`This wallet transfers ${token.symbol} on ${network} and nothing else; give that currency.`);
  }
  const units = parseUnits(amount, token.decimals);
  if (units === undefined || units === 0n || units >= 10n ** 30n) {
    throw invalid(
      `"${amount}" cannot be transferred; give an amount above 0 with at most ${token.decimals} decimal places.`,
    );
  }
  return units;
}

function checkedReceiver(to: string, { token, payer }: Accepted): Address {
  if (!/^0x[0-9a-fA-F]{40}$/.test(to)) {
    throw invalid("The receiver must be one address of 0x and 40 hexadecimal digits; check it and give it whole.");
  }
  // In capitals throughout it carries no checksum either.
  const isCapital = to.slice(2) === to.slice(2).toUpperCase();
  const receiver = checksummed(isCapital ? to.toLowerCase() : to);
  if (receiver === undefined) {
    throw invalid(`The checksum of ${to} is wrong, so a digit or its case was altered; copy the address again.`);
  }
  if (receiver === zeroAddress) throw invalid("The zero address belongs to nobody; money sent there is lost.");
  if (receiver === payer) throw invalid(`${receiver} is this wallet's own address; name somebody else's.`);
  if (receiver === token.address) {
    throw invalid(`${receiver} is the ${token.symbol} contract itself; money sent there is lost. Name a receiver.`);
  }
  return receiver;
}

const HexText = z.templateLiteral(["0x", z.string()]);
const SignedTransfer = z.object({ validBefore: z.string(), signature: HexText });

/** What is stored of a signed transfer, beside its terms and nonce. */
export function writeTransfer(validBefore: number, signature: Hex): string {
  return JSON.stringify({ validBefore: String(validBefore), signature });
}

export function readTransfer(header: string): { readonly validBefore: bigint; readonly signature: Hex } {
  const { validBefore, signature } = SignedTransfer.parse(JSON.parse(header));
  return { validBefore: BigInt(validBefore), signature };
}
