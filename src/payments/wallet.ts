import { encodePaymentSignatureHeader } from "@x402/core/http";
import type { PaymentPayload } from "@x402/core/types";
import {
  appendPaymentIdentifierToExtensions,
  isPaymentIdentifierExtension,
  PAYMENT_IDENTIFIER,
} from "@x402/extensions/payment-identifier";
import {
  type Account,
  type Address,
  BaseError,
  createPublicClient,
  createWalletClient,
  getAddress,
  type Hex,
  http,
  parseSignature,
  zeroAddress,
} from "viem";
import { PaygentError } from "../protocol/errors.ts";
import { formatUnits } from "../protocol/money.ts";
import type { Clock } from "../runtime/clock.ts";
import type { PaymentTerms, ServiceResponse, SignedPayment, Wallet } from "../runtime/wallet.ts";
import { createLane } from "./lane.ts";
import { intentNonce } from "./nonce.ts";
import { isAuthorizationClosed, nonceOf, readOutcome } from "./outcome.ts";
import { requestService, type ServiceAnswer } from "./service-request.ts";
import { createSigner, type SigningAccount } from "./signer.ts";
import { FrozenOffer, parseTerms } from "./terms.ts";
import { type Token, tokenAbi } from "./token.ts";
import { readTransfer, transferTerms, writeTransfer } from "./transfer.ts";

const shortestWindowSeconds = 30;
const longestWindowSeconds = 600;
const blockAgeMs = 1000;

export interface WalletOptions {
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
  /** Whether the wallet may ask and pay this address. */
  allowUrl(url: URL): boolean | Promise<boolean>;
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
  const { token, network, clock } = options;
  const chainId = chainIdOf(network);
  const transport = http(options.rpcUrl, { timeout: 10_000 });
  const chain = createPublicClient({ transport, pollingInterval: options.pollingMs ?? 25, cacheTime: 0 });
  const relay = createWalletClient({ account: options.relayer ?? zeroAddress, transport, cacheTime: 0 });
  const relayLane = options.relayer === undefined ? refuseToRelay : createLane();
  const signer = createSigner(options.account, token, chainId);
  const accepted = { network, token, payer: signer.address };

  const checkUrl = async (text: string): Promise<URL> => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
    if (url === undefined || !isWeb || url.username !== "" || url.password !== "" || !(await options.allowUrl(url)))
      throw new PaygentError(
        "url_blocked",
        `${url?.host || "This address"} may not be asked or paid by this wallet; use a service of the catalogue.`,
      );
    url.hash = "";
    return url;
  };

  const checkOwn = (terms: PaymentTerms): void => {
    if (terms.network !== network || terms.asset !== token.address)
      throw new PaygentError(
        "payment_terms_invalid",
        `These terms are for another network or currency than this wallet's ${token.symbol} on ${network}; ask for a new price.`,
      );
  };

  const readBalance = () =>
    askChain(() =>
      chain.readContract({ address: token.address, abi: tokenAbi, functionName: "balanceOf", args: [signer.address] }),
    );

  let latest: { readonly at: number; readonly block: ReturnType<typeof readBlock> } | undefined;
  const readBlock = () => askChain(() => chain.getBlock());
  /** One of the last second: an older one only means that a settlement is looked for from a little further back. */
  const recentBlock = () => {
    const now = performance.now();
    if (latest === undefined || now - latest.at > blockAgeMs) {
      const block = readBlock();
      latest = { at: now, block };
      block.catch(() => {
        latest = undefined;
      });
    }
    return latest.block;
  };

  /** A service tells by itself that the wallet is too poor; a transfer would only be refused by the chain. */
  const checkFunds = async (terms: PaymentTerms): Promise<void> => {
    const units = terms.kind === "transfer" ? await readBalance() : undefined;
    if (units === undefined || units >= BigInt(terms.amount)) return;
    const [held, asked] = [units, BigInt(terms.amount)].map((amount) => formatUnits(amount, token.decimals));
    throw new PaygentError(
      "payment_failed",
      `The wallet holds ${held} ${token.symbol}, less than the ${asked} that were to be sent. Nothing was signed; fund ${signer.address} or send less.`,
    );
  };

  /** Sends a transaction on an authorization and waits for it. The chain takes each authorization once. */
  const relayOnce = (nonce: Hex, write: () => Promise<Hex>): Promise<void> =>
    askChain(async () => {
      try {
        const hash = await relayLane(write);
        await chain.waitForTransactionReceipt({ hash, timeout: 60_000 });
      } catch (error) {
        // The chain refuses what was used or cancelled already; `outcome` tells which.
        if (!(await isAuthorizationClosed(chain, { token: token.address, payer: signer.address, nonce }))) throw error;
      }
    });

  const contract = { address: token.address, abi: tokenAbi, chain: null } as const;

  /** Hands a signed transfer to the chain. */
  const relayTransfer = async (terms: PaymentTerms, signed: SignedPayment): Promise<void> => {
    const { validBefore, signature } = readTransfer(signed.header);
    const { v, r, s } = splitSignature(signature);
    const nonce = nonceOf(signed);
    const args = [
      signer.address,
      getAddress(terms.payTo),
      BigInt(terms.amount),
      0n,
      validBefore,
      nonce,
      v,
      r,
      s,
    ] as const;
    await relayOnce(nonce, () => relay.writeContract({ ...contract, functionName: "transferWithAuthorization", args }));
  };

  return {
    balance: async (signal) => {
      signal?.throwIfAborted();
      const units = await readBalance();
      const amount = formatUnits(units, token.decimals);
      return { address: signer.address, network, currency: token.symbol, amount };
    },

    quote: async (text, signal) => {
      const url = await checkUrl(text);
      const answer = await requestService(url, { signal });
      if (answer.status >= 300 && answer.status < 400)
        throw new PaygentError(
          "tool_failed",
          `${url.host} sends the request on to another address, which is not followed; ask for that address itself.`,
        );
      if (answer.status !== 402) return { kind: "free", response: withoutHeaders(answer) };
      const header = answer.headers.get("payment-required");
      if (header === null)
        throw new PaygentError(
          "payment_terms_invalid",
          `${url.host} asks for a payment but not by x402 version 2, which is all that this wallet speaks; use another service.`,
        );
      return { kind: "paid", terms: parseTerms(url.href, header, accepted) };
    },

    termsOf: ({ url, method, body }, header) => ({
      ...parseTerms(url, header, accepted),
      kind: "page",
      method,
      ...(body === undefined ? {} : { body }),
    }),

    transferTerms: (transfer) => {
      // Refused before anything is signed: what is signed and never sent would keep its amount set aside.
      if (options.relayer === undefined) throw new PaygentError("payment_failed", noRelayer);
      return transferTerms(transfer, accepted);
    },

    sign: async (terms, intent, { notAfter = Number.POSITIVE_INFINITY, signal } = {}) => {
      checkOwn(terms);
      const [block] = await Promise.all([recentBlock(), checkFunds(terms)]);
      const now = Math.max(Math.floor(clock.now() / 1000), Number(block.timestamp));
      const window = clamp(terms.maxTimeoutSeconds, shortestWindowSeconds, longestWindowSeconds);
      const validBefore = Math.min(now + window, Math.floor(notAfter / 1000));
      if (validBefore <= now)
        throw new PaygentError("approval_expired", "The approval's time is over, so nothing was signed; ask again.");
      const nonce = intentNonce(options.nonceSecret, intent);
      const to = getAddress(terms.payTo);
      // Whoever wanted it may have gone while the chain was asked.
      signal?.throwIfAborted();
      const signature = await signer.signTransfer({ to, value: BigInt(terms.amount), validBefore, nonce });
      const authorization = {
        from: signer.address,
        to,
        value: terms.amount,
        validAfter: "0",
        validBefore: String(validBefore),
        nonce,
      };
      const header =
        terms.kind === "transfer"
          ? writeTransfer(validBefore, signature)
          : encodePaymentSignatureHeader(payloadOf(terms, { authorization, signature }, nonce));
      return { payer: signer.address, nonce, validBefore, fromBlock: String(block.number), header };
    },

    send: async (terms, signed, signal) => {
      if (terms.kind === "transfer") {
        checkOwn(terms);
        await relayTransfer(terms, signed);
        return { status: 200, contentType: "", body: "" };
      }
      const url = await checkUrl(terms.url);
      const headers = { "payment-signature": signed.header };
      return withoutHeaders(await requestService(url, { headers, signal }));
    },

    outcome: async (terms, signed) => {
      checkOwn(terms);
      const read = () => readOutcome(chain, signer.address, { terms, signed, final: options.final ?? "finalized" });
      return await askChain(async () => {
        const outcome = await read();
        const isDue = clock.now() >= signed.validBefore * 1000;
        if (outcome.state !== "open" || !isDue || options.mineBlock === undefined) return outcome;
        await options.mineBlock();
        return await read();
      });
    },

    cancel: async (terms, signed) => {
      checkOwn(terms);
      const nonce = nonceOf(signed);
      const { v, r, s } = splitSignature(await signer.signCancellation(nonce));
      const args = [signer.address, nonce, v, r, s] as const;
      await relayOnce(nonce, () => relay.writeContract({ ...contract, functionName: "cancelAuthorization", args }));
    },
  };
}

function chainIdOf(network: string): number {
  const id = /^eip155:([1-9]\d{0,14})$/.exec(network)?.[1];
  if (id === undefined) throw new RangeError(`"${network}" is not an EVM network; name one such as "eip155:8453".`);
  return Number(id);
}

const noRelayer =
  "This wallet has no relayer to pay gas with, so it sends nothing to the chain itself; set PAYGENT_RELAYER_KEYSTORE.";

function refuseToRelay(): Promise<never> {
  throw new PaygentError("unavailable", noRelayer);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

function withoutHeaders({ status, contentType, body }: ServiceAnswer): ServiceResponse {
  return { status, contentType, body };
}

/** The x402 v2 payment payload for frozen terms, with the payment identifier where the service knows it. */
function payloadOf(terms: PaymentTerms, payload: Record<string, unknown>, nonce: Hex): PaymentPayload {
  const offer = FrozenOffer.parse(JSON.parse(terms.requirements));
  const extensions = { ...offer.extensions };
  if (isPaymentIdentifierExtension(extensions[PAYMENT_IDENTIFIER]))
    appendPaymentIdentifierToExtensions(extensions, `pg_${nonce.slice(2)}`);
  // `requirements` was checked against x402's own schema before it was frozen, and is sent back unchanged.
  const { resource, accepted } = offer as unknown as Pick<PaymentPayload, "resource" | "accepted">;
  return { x402Version: 2, resource, accepted, payload, extensions };
}

function splitSignature(signature: Hex): { v: number; r: Hex; s: Hex } {
  const { r, s, yParity } = parseSignature(signature);
  return { v: 27 + yParity, r, s };
}

/** Turns whatever goes wrong between here and the chain into the one error that a caller acts on. */
async function askChain<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof PaygentError) throw cause;
    throw new PaygentError("unavailable", "The chain does not answer; try again in a moment.", {
      cause: withoutSecrets(cause),
    });
  }
}

/** The chain library's full messages quote signatures and the RPC address, which may hold an access key. */
function withoutSecrets(error: unknown): unknown {
  return error instanceof BaseError ? new Error(`${error.name}: ${error.shortMessage}`) : error;
}
