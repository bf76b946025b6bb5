import { type Account, type Address, createPublicClient, getAddress, http } from "viem";
import { PaygentError } from "../protocol/errors.ts";
import { formatUnits } from "../protocol/money.ts";
import type { PaymentTerms } from "../protocol/payment.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Wallet } from "../runtime/wallet.ts";
import { askChain } from "./ask-chain.ts";
import { readFunds, requireFunds } from "./funds.ts";
import { intentNonce } from "./nonce.ts";
import { nonceOf, readOutcome } from "./outcome.ts";
import { payService, quoteService, type ServiceGate } from "./paid-service.ts";
import { paymentHeader } from "./payment-header.ts";
import { createRecentBlock } from "./recent-block.ts";
import { createRelay, noRelayer } from "./relay.ts";
import { createSigner, type SigningAccount } from "./signer.ts";
import { type Accepted, parseTerms } from "./terms.ts";
import type { Token } from "./token.ts";
import { transferTerms, writeTransfer } from "./transfer.ts";
import { validUntil } from "./validity.ts";

export interface WalletOptions extends ServiceGate {
  /** The key that holds the money. It signs authorizations only and needs no gas. */
  readonly account: SigningAccount;
  /** From which the nonces are derived; losing it makes open payments signable twice. */
  readonly nonceSecret: Uint8Array;
  readonly rpcUrl: string;
  /** CAIP-2, such as `eip155:31337`. */
  readonly network: string;
  readonly token: Token;
  /**
   * Pays the gas of what the wallet itself sends to the chain; an address when the chain signs for it. Without
   * one nothing is sent, and an authorization that is not taken can only expire.
   */
  readonly relayer: Account | Address | undefined;
  readonly clock: Clock;
  /** The block whose time may declare an authorization expired; `finalized` unless told. */
  readonly final?: "latest" | "finalized";
  /** How often the node is asked whether a transaction is mined; hosted nodes count requests. */
  readonly pollingMs?: number;
  /** For a chain that makes blocks only on demand: makes one, so that time passes on it. */
  readonly mineBlock?: () => Promise<unknown>;
}

/** A wallet that pays x402 services with EIP-3009 authorizations of one token on one network. */
export function createWallet(options: WalletOptions): Wallet {
  const { token, network, relayer, clock } = options;
  const signer = createSigner(options.account, token, chainIdOf(network));
  const payer = signer.address;
  const accepted = { network, token, payer };
  const transport = http(options.rpcUrl, { timeout: 10_000 });
  const chain = createPublicClient({ transport, pollingInterval: options.pollingMs ?? 25, cacheTime: 0 });
  const recentBlock = createRecentBlock(chain);
  const relay = createRelay({ chain, transport, token, payer, relayer });

  return {
    balance: async (signal) => {
      signal?.throwIfAborted();
      const amount = formatUnits(await readFunds(chain, accepted), token.decimals);
      return { address: payer, network, currency: token.symbol, amount };
    },

    quote: (text, signal) => quoteService(text, { gate: options, accepted, signal }),

    termsOf: ({ url, method, body }, header) => ({
      ...parseTerms(url, header, accepted),
      kind: "page",
      method,
      ...(body === undefined ? {} : { body }),
    }),

    transferTerms: (transfer) => {
      // Refused before anything is signed: what is signed and never sent would keep its amount set aside.
      if (relayer === undefined) throw new PaygentError("payment_failed", noRelayer);
      return transferTerms(transfer, accepted);
    },

    sign: async (terms, intent, { notAfter = Number.POSITIVE_INFINITY, signal } = {}) => {
      requireOwn(terms, accepted);
      const [block] = await Promise.all([recentBlock(), requireFunds(chain, accepted, terms)]);
      const now = Math.max(Math.floor(clock.now() / 1000), Number(block.timestamp));
      const validBefore = validUntil(now, { maxTimeoutSeconds: terms.maxTimeoutSeconds, notAfter });
      const nonce = intentNonce(options.nonceSecret, intent);
      const to = getAddress(terms.payTo);
      // Whoever wanted it may have gone while the chain was asked.
      signal?.throwIfAborted();
      const signature = await signer.signTransfer({ to, value: BigInt(terms.amount), validBefore, nonce });
      const header =
        terms.kind === "transfer"
          ? writeTransfer(validBefore, signature)
          : paymentHeader(terms, { from: payer, to, validBefore, nonce, signature });
      return { payer, nonce, validBefore, fromBlock: String(block.number), header };
    },

    send: async (terms, signed, signal) => {
      if (terms.kind !== "transfer") return payService(terms, signed, { gate: options, signal });
      requireOwn(terms, accepted);
      await relay.transfer(terms, signed);
      return { status: 200, contentType: "", body: "" };
    },

    outcome: async (terms, signed) => {
      requireOwn(terms, accepted);
      const read = () => readOutcome(chain, payer, { terms, signed, final: options.final ?? "finalized" });
      return await askChain(async () => {
        const outcome = await read();
        const isDue = clock.now() >= signed.validBefore * 1000;
        if (outcome.state !== "open" || !isDue || options.mineBlock === undefined) return outcome;
        await options.mineBlock();
        return await read();
      });
    },

    cancel: async (terms, signed) => {
      requireOwn(terms, accepted);
      const nonce = nonceOf(signed);
      await relay.cancel(nonce, await signer.signCancellation(nonce));
    },
  };
}

function requireOwn(terms: PaymentTerms, { network, token }: Accepted): void {
  if (terms.network === network && terms.asset === token.address) return;
  throw new PaygentError(
    "payment_terms_invalid",
    `These terms are for another network or currency than this wallet's ${token.symbol} on ${network}; ask for a new price.`,
  );
}

function chainIdOf(network: string): number {
  const id = /^eip155:([1-9]\d{0,14})$/.exec(network)?.[1];
  if (id === undefined) throw new RangeError(`"${network}" is not an EVM network; name one such as "eip155:8453".`);
  return Number(id);
}
