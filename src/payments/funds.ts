import type { PublicClient } from "viem";
import { PaygentError } from "../protocol/errors.ts";
import { formatUnits } from "../protocol/money.ts";
import type { PaymentTerms } from "../protocol/payment.ts";
import { askChain } from "./ask-chain.ts";
import type { Accepted } from "./terms.ts";
import { tokenAbi } from "./token.ts";

/** What a wallet holds on the chain, in the token's smallest unit. */
export function readFunds(chain: PublicClient, { token, payer }: Accepted): Promise<bigint> {
  const args = [payer] as const;
  return askChain(() => chain.readContract({ address: token.address, abi: tokenAbi, functionName: "balanceOf", args }));
}

/** A service tells by itself that the wallet is too poor; a transfer would only be refused by the chain. */
export async function requireFunds(chain: PublicClient, accepted: Accepted, terms: PaymentTerms): Promise<void> {
  const { token, payer } = accepted;
  const units = terms.kind === "transfer" ? await readFunds(chain, accepted) : undefined;
  if (units === undefined || units >= BigInt(terms.amount)) return;
  const [held, asked] = [units, BigInt(terms.amount)].map((amount) => formatUnits(amount, token.decimals));
  throw new PaygentError(
    "payment_failed",
    `The wallet holds ${held} ${token.symbol}, less than the ${asked} that were to be sent. Nothing was signed; fund ${payer} or send less.`,
  );
}
