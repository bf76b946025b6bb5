import {
  type Account,
  type Address,
  createWalletClient,
  getAddress,
  type Hex,
  type PublicClient,
  parseSignature,
  type Transport,
  zeroAddress,
} from "viem";
import { PaygentError } from "../protocol/errors.ts";
import type { PaymentTerms, SignedPayment } from "../protocol/payment.ts";
import { askChain } from "./ask-chain.ts";
import { createLane } from "./lane.ts";
import { isAuthorizationClosed, nonceOf } from "./outcome.ts";
import { type Token, tokenAbi } from "./token.ts";
import { readTransfer } from "./transfer.ts";

export interface RelayOptions {
  readonly chain: PublicClient;
  readonly transport: Transport;
  readonly token: Token;
  /** Whose authorizations are relayed. */
  readonly payer: Address;
  /** Pays the gas; an address when the chain signs for it. Without one nothing is sent. */
  readonly relayer: Account | Address | undefined;
}

/** Sends a payer's authorizations to the chain itself, and pays their gas. */
export interface Relay {
  /** Hands a signed transfer to the chain, and waits for it. */
  transfer(terms: PaymentTerms, signed: SignedPayment): Promise<void>;
  /** Has the chain void an authorization, by the payer's signature on its cancellation, and waits for it. */
  cancel(nonce: Hex, signature: Hex): Promise<void>;
}

export const noRelayer =
  "This wallet has no relayer to pay gas with, so it sends nothing to the chain itself; set PAYGENT_RELAYER_KEYSTORE.";

export function createRelay({ chain, transport, token, payer, relayer }: RelayOptions): Relay {
  const client = createWalletClient({ account: relayer ?? zeroAddress, transport, cacheTime: 0 });
  const lane = relayer === undefined ? refuse : createLane();
  const contract = { address: token.address, abi: tokenAbi, chain: null } as const;

  /** Sends a transaction on an authorization and waits for it. The chain takes each authorization once. */
  const sendOnce = (nonce: Hex, write: () => Promise<Hex>): Promise<void> =>
    askChain(async () => {
      try {
        const hash = await lane(write);
        await chain.waitForTransactionReceipt({ hash, timeout: 60_000 });
      } catch (error) {
        // The chain refuses what was used or cancelled already; `outcome` tells which.
        if (!(await isAuthorizationClosed(chain, { token: token.address, payer, nonce }))) throw error;
      }
    });

  return {
    async transfer(terms, signed) {
      const { validBefore, signature } = readTransfer(signed.header);
      const { v, r, s } = splitSignature(signature);
      const nonce = nonceOf(signed);
      const to = getAddress(terms.payTo);
      const args = [payer, to, BigInt(terms.amount), 0n, validBefore, nonce, v, r, s] as const;
      await sendOnce(nonce, () =>
        client.writeContract({ ...contract, functionName: "transferWithAuthorization", args }),
      );
    },

    async cancel(nonce, signature) {
      const { v, r, s } = splitSignature(signature);
      const args = [payer, nonce, v, r, s] as const;
      await sendOnce(nonce, () => client.writeContract({ ...contract, functionName: "cancelAuthorization", args }));
    },
  };
}

function refuse(): Promise<never> {
  throw new PaygentError("unavailable", noRelayer);
}

function splitSignature(signature: Hex): { v: number; r: Hex; s: Hex } {
  const { r, s, yParity } = parseSignature(signature);
  return { v: 27 + yParity, r, s };
}
