import { type Address, getAddress, type Hex, isAddressEqual, isHex, type PublicClient, parseEventLogs } from "viem";
import { PaygentError } from "../protocol/errors.ts";
import type { PaymentTerms, SignedPayment } from "../protocol/payment.ts";
import type { ChainOutcome } from "../runtime/wallet.ts";
import { eventsFrom } from "./block-windows.ts";
import { tokenAbi } from "./token.ts";

/** The nonce as the chain's library wants it. */
export function nonceOf(signed: SignedPayment): Hex {
  if (!isHex(signed.nonce)) throw new PaygentError("internal", "A stored payment has a nonce that is no hex number.");
  return signed.nonce;
}

/** Whether the payer's nonce has been used or cancelled; as the chain was at `blockNumber` where that is given. */
export async function isAuthorizationClosed(
  client: PublicClient,
  { token, payer, nonce, blockNumber }: { token: Address; payer: Address; nonce: Hex; blockNumber?: bigint },
): Promise<boolean> {
  return await client.readContract({
    address: token,
    abi: tokenAbi,
    functionName: "authorizationState",
    args: [payer, nonce],
    ...(blockNumber === undefined ? {} : { blockNumber }),
  });
}

/**
 * What became of an authorization, by the chain alone. `final` names the block that cannot be undone any more:
 * only its time may declare an authorization expired.
 */
export async function readOutcome(
  client: PublicClient,
  payer: Address,
  { terms, signed, final }: { terms: PaymentTerms; signed: SignedPayment; final: "latest" | "finalized" },
): Promise<ChainOutcome> {
  const token = getAddress(terms.asset);
  const nonce = nonceOf(signed);
  const range = {
    address: token,
    abi: tokenAbi,
    args: { authorizer: payer, nonce },
    strict: true,
  } as const;
  const since = BigInt(signed.fromBlock);
  const findUse = async () => {
    const [found] = await eventsFrom(client, since, (blocks) =>
      client.getContractEvents({ ...range, ...blocks, eventName: "AuthorizationUsed" }),
    );
    return found;
  };

  // First what is most likely: this is asked after a payment was sent.
  let used = await findUse();
  if (used === undefined) {
    const block = await client.getBlock({ blockTag: final });
    const head = final === "latest" ? block : await client.getBlock({ blockTag: "latest" });
    // Behind one address there may be several nodes, some of them behind the others. One that answers for the
    // head's own number has it; what is unused there was unused at any block before it.
    const isBehind = head.number < block.number;
    if (!(await isAuthorizationClosed(client, { token, payer, nonce, blockNumber: head.number })))
      return { state: !isBehind && block.timestamp >= BigInt(signed.validBefore) ? "expired" : "open" };
    // It may have been used between the two looks.
    used = await findUse();
  }
  if (used === undefined) {
    const [cancelled] = await eventsFrom(client, since, (blocks) =>
      client.getContractEvents({ ...range, ...blocks, eventName: "AuthorizationCanceled" }),
    );
    if (cancelled !== undefined) return { state: "cancelled", txHash: cancelled.transactionHash };
    throw unverified("the chain says that it was used, but not by which transaction");
  }
  const receipt = await client.getTransactionReceipt({ hash: used.transactionHash });
  // A transaction may carry several transfers; the token logs ours right after its AuthorizationUsed.
  const transfer = parseEventLogs({ abi: tokenAbi, eventName: "Transfer", logs: receipt.logs }).find(
    (log) => log.logIndex > used.logIndex && isAddressEqual(log.address, token) && isAddressEqual(log.args.from, payer),
  );
  if (transfer === undefined) throw unverified("its transaction moved no money of this wallet");
  if (transfer.args.value !== BigInt(terms.amount) || transfer.args.to !== terms.payTo)
    throw unverified("it was settled for another amount or payee");
  return { state: "settled", txHash: used.transactionHash, block: used.blockNumber.toString() };
}

function unverified(what: string): PaygentError {
  return new PaygentError(
    "payment_unverified",
    `This payment could not be matched with the chain: ${what}. Its money stays reserved; look at the wallet's transactions.`,
  );
}
