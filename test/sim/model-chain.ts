import { createHash } from "node:crypto";
import {
  type Address,
  decodeFunctionData,
  encodeAbiParameters,
  encodeEventTopics,
  getAddress,
  type Hex,
  numberToHex,
  pad,
} from "viem";
import { type Token, tokenAbi } from "../../src/payments/token.ts";
import type { VirtualTime } from "./virtual-time.ts";

export const token: Token = {
  address: getAddress(`0x${"70".repeat(20)}`),
  symbol: "USDC",
  decimals: 6,
  name: "USD Coin",
  version: "2",
};
export const payer = getAddress(`0x${"aa".repeat(20)}`);
export const relayer = getAddress(`0x${"bb".repeat(20)}`);
export const network = "eip155:31337";

/** What a signature of the wallet lets somebody do. */
export type Authorized =
  | {
      readonly kind: "transfer";
      readonly to: Address;
      readonly value: bigint;
      readonly validBefore: bigint;
      readonly nonce: Hex;
    }
  | { readonly kind: "cancel"; readonly nonce: Hex };

/** Money that has moved. */
export interface Transfer {
  readonly nonce: Hex;
  readonly to: Address;
  readonly value: bigint;
  /** The time of its block, in seconds since the epoch. */
  readonly at: number;
}

interface Log {
  readonly address: Address;
  readonly topics: readonly Hex[];
  readonly data: Hex;
  readonly blockNumber: Hex;
  readonly blockHash: Hex;
  readonly transactionHash: Hex;
  readonly transactionIndex: Hex;
  readonly logIndex: Hex;
  readonly removed: false;
}

interface Receipt {
  readonly block: number;
  readonly status: "0x1" | "0x0";
  readonly logs: readonly Log[];
}

/** An error that a node of the chain answers with. */
export class RpcError extends Error {}

interface ChainOptions {
  readonly time: VirtualTime;
  /** Seconds since the epoch at which the chain begins. */
  readonly genesis: number;
  /** How often there is a block; undefined for a chain that makes one for each transaction, and when told to. */
  readonly blockMs: number | undefined;
  /** How many blocks stand above one that is final. */
  readonly finality: number;
  onTransfer(transfer: Transfer): void;
}

/** The signature that the wallet's key gives; whoever does not hold the key cannot know it before it was given. */
export function signatureOf(what: Authorized): Hex {
  const text =
    what.kind === "transfer" ? `${what.to}/${what.value}/${what.validBefore}/${what.nonce}` : `cancel/${what.nonce}`;
  const part = (name: string) => createHash("sha256").update(`${name}/${text}`).digest("hex");
  // Both halves are below the curve's order, as those of a real signature are.
  return `0x${`00${part("r").slice(2)}${`00${part("s").slice(2)}`}`}1b`;
}

/**
 * The part of a chain that payments touch: a token with EIP-3009, of which one wallet holds some, blocks with times,
 * and what a node tells of them over JSON-RPC. An authorization is taken once, before its time is over, or voided.
 */
export class ModelChain {
  readonly #options: ChainOptions;
  readonly #states = new Map<Hex, "used" | "cancelled">();
  readonly #receipts = new Map<Hex, Receipt | undefined>();
  readonly #logs: Log[] = [];
  readonly #madeAt: number[] = [];
  readonly transfers: Transfer[] = [];
  balance = 1_000_000_000n;
  #sent = 0;

  constructor(options: ChainOptions) {
    this.#options = options;
    this.#madeAt.push(options.genesis);
  }

  /** The chain's own time, in seconds since the epoch. */
  get seconds(): number {
    return this.#options.genesis + Math.floor(this.#options.time.now / 1000);
  }

  /** The time of the newest block that cannot be undone any more. */
  get finalSeconds(): number {
    return this.#timeOf(Math.max(0, this.#head - this.#options.finality));
  }

  stateOf(nonce: Hex): "used" | "cancelled" | undefined {
    return this.#states.get(nonce);
  }

  /** Hands a transaction in and gives its hash. Throws for one that would be reverted now. */
  submit(what: Authorized, signature: Hex): Hex {
    const refusal = this.#refusalOf(what, signature, this.seconds);
    if (refusal !== undefined) throw new RpcError(`execution reverted: ${refusal}`);
    const hash: Hex = `0x${createHash("sha256")
      .update(`transaction ${this.#sent++}`)
      .digest("hex")}`;
    this.#receipts.set(hash, undefined);
    const { blockMs, time } = this.#options;
    if (blockMs === undefined) this.#mine(hash, what, signature);
    else time.schedule(blockMs - (time.now % blockMs), undefined, () => this.#mine(hash, what, signature));
    return hash;
  }

  /** Whether a transaction was done; undefined while it waits for a block. */
  resultOf(hash: Hex): boolean | undefined {
    const receipt = this.#receipts.get(hash);
    return receipt && receipt.status === "0x1";
  }

  #refusalOf(what: Authorized, signature: Hex, at: number): string | undefined {
    if (signature !== signatureOf(what)) return "invalid signature";
    if (this.#states.has(what.nonce)) return "authorization is used or canceled";
    if (what.kind === "cancel") return undefined;
    if (BigInt(at) >= what.validBefore) return "authorization is expired";
    return this.balance < what.value ? "transfer amount exceeds balance" : undefined;
  }

  #mine(hash: Hex, what: Authorized, signature: Hex): void {
    const block = this.#newBlock();
    const at = this.#timeOf(block);
    const isRefused = this.#refusalOf(what, signature, at) !== undefined;
    const logs = isRefused ? [] : this.#apply(what, at).map((log, index) => this.#place(log, { block, hash, index }));
    this.#logs.push(...logs);
    this.#receipts.set(hash, { block, status: isRefused ? "0x0" : "0x1", logs });
  }

  #newBlock(): number {
    if (this.#options.blockMs !== undefined) return this.#head;
    this.#madeAt.push(Math.max(this.seconds, this.#timeOf(this.#madeAt.length - 1) + 1));
    return this.#madeAt.length - 1;
  }

  get #head(): number {
    const { blockMs, time } = this.#options;
    return blockMs === undefined ? this.#madeAt.length - 1 : Math.floor(time.now / blockMs);
  }

  #timeOf(block: number): number {
    const { blockMs, genesis } = this.#options;
    if (blockMs !== undefined) return genesis + Math.floor((block * blockMs) / 1000);
    return this.#madeAt[block] ?? genesis;
  }

  #apply(what: Authorized, at: number): Pick<Log, "topics" | "data">[] {
    const { nonce } = what;
    if (what.kind === "cancel") {
      this.#states.set(nonce, "cancelled");
      return [{ topics: topics("AuthorizationCanceled", { authorizer: payer, nonce }), data: "0x" }];
    }
    const { to, value } = what;
    this.#states.set(nonce, "used");
    this.balance -= value;
    const transfer = { nonce, to, value, at };
    this.transfers.push(transfer);
    this.#options.onTransfer(transfer);
    return [
      { topics: topics("AuthorizationUsed", { authorizer: payer, nonce }), data: "0x" },
      { topics: topics("Transfer", { from: payer, to }), data: encodeAbiParameters([{ type: "uint256" }], [value]) },
    ];
  }

  #place(log: Pick<Log, "topics" | "data">, { block, hash, index }: { block: number; hash: Hex; index: number }): Log {
    return {
      ...log,
      address: token.address,
      blockNumber: numberToHex(block),
      blockHash: hashOf(block),
      transactionHash: hash,
      transactionIndex: "0x0",
      logIndex: numberToHex(index),
      removed: false,
    };
  }

  /** Answers what the wallet asks a node. */
  rpc(method: string, params: readonly unknown[]): unknown {
    switch (method) {
      case "eth_blockNumber":
        return numberToHex(this.#head);
      case "eth_getBlockByNumber":
        return this.#block(String(params[0]));
      case "evm_mine":
        return numberToHex(this.#newBlock());
      case "eth_call":
        return this.#read((params[0] as { data: Hex }).data);
      case "eth_getLogs":
        return this.#logsFor(params[0] as { fromBlock: Hex; topics: readonly (Hex | null)[] });
      case "eth_sendTransaction":
        return this.submit(...authorizedIn((params[0] as { data: Hex }).data));
      case "eth_getTransactionByHash":
        return this.#transaction(params[0] as Hex);
      case "eth_getTransactionReceipt":
        return this.#receipt(params[0] as Hex);
      default:
        throw new RpcError(`the method ${method} does not exist`);
    }
  }

  #block(tag: string) {
    const final = Math.max(0, this.#head - this.#options.finality);
    const number = tag === "latest" ? this.#head : tag === "finalized" ? final : Number(tag);
    return {
      number: numberToHex(number),
      hash: hashOf(number),
      timestamp: numberToHex(this.#timeOf(number)),
      transactions: [],
    };
  }

  #read(data: Hex): Hex {
    const { functionName, args } = decodeFunctionData({ abi: tokenAbi, data });
    if (functionName === "balanceOf") return numberToHex(this.balance, { size: 32 });
    if (functionName === "authorizationState") return numberToHex(this.#states.has(args[1]) ? 1 : 0, { size: 32 });
    throw new RpcError(`${functionName} is not to be read`);
  }

  #logsFor({ fromBlock, topics: wanted }: { fromBlock: Hex; topics: readonly (Hex | null)[] }): Log[] {
    const isWanted = (log: Log) => wanted.every((topic, index) => topic === null || topic === log.topics[index]);
    return this.#logs.filter((log) => Number(log.blockNumber) >= Number(fromBlock) && isWanted(log));
  }

  #transaction(hash: Hex) {
    if (!this.#receipts.has(hash)) return null;
    const receipt = this.#receipts.get(hash);
    const place = receipt && { blockNumber: numberToHex(receipt.block), blockHash: hashOf(receipt.block) };
    return { hash, from: relayer, to: token.address, nonce: "0x0", input: "0x", value: "0x0", ...place };
  }

  #receipt(hash: Hex) {
    const receipt = this.#receipts.get(hash);
    if (receipt === undefined) return null;
    const { block, status, logs } = receipt;
    return {
      transactionHash: hash,
      status,
      logs,
      blockNumber: numberToHex(block),
      blockHash: hashOf(block),
      from: relayer,
      to: token.address,
    };
  }
}

/** What a transaction of the relayer asks of the token, and the signature that it shows. */
export function authorizedIn(data: Hex): [what: Authorized, signature: Hex] {
  const { functionName, args } = decodeFunctionData({ abi: tokenAbi, data });
  if (functionName === "transferWithAuthorization") {
    const [, to, value, , validBefore, nonce, v, r, s] = args;
    return [{ kind: "transfer", to, value, validBefore, nonce }, joined(v, r, s)];
  }
  if (functionName === "cancelAuthorization") {
    const [, nonce, v, r, s] = args;
    return [{ kind: "cancel", nonce }, joined(v, r, s)];
  }
  throw new RpcError(`${functionName} is not to be sent`);
}

function joined(v: number, r: Hex, s: Hex): Hex {
  return `0x${r.slice(2)}${s.slice(2)}${v.toString(16)}`;
}

type Named = Parameters<typeof encodeEventTopics<typeof tokenAbi>>[0]["eventName"];

function topics(eventName: Named, args: Readonly<Record<string, Hex>>): Hex[] {
  // The arguments are those of the event that is named beside them.
  return encodeEventTopics({ abi: tokenAbi, eventName, args } as Parameters<typeof encodeEventTopics>[0]) as Hex[];
}

function hashOf(block: number): Hex {
  return pad(numberToHex(block), { size: 32 });
}
