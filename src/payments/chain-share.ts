import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "viem";
import { PaygentError } from "../protocol/errors.ts";
import { type Hold, tryHold } from "../store/file-lock.ts";
import { adoptAnvil, chainAccounts } from "./anvil.ts";
import { type Keeping, type KeepingOptions, startKeeping } from "./chain-keeping.ts";
import { chainAccountsOf, findChain, type LocalChain } from "./local-chain.ts";
import { isSeatTaken, type Seat, takeSeat } from "./seats.ts";

const startLimitMs = 30_000;
const startPollMs = 50;
const watchMs = 200;
const leaveLimitMs = 500;
/** Before them come those that deploy, settle, relay for the first server, and sell. */
const accountsBefore = 4;
const seats = chainAccounts - accountsBefore + 1;

export interface ChainShareOptions extends KeepingOptions {
  /** Told what an operator should know of the chain later on. */
  readonly onNotice: (sentence: string) => void;
}

/**
 * A server's share in the local chain of a folder. Several servers use it, and one of them keeps it: it starts
 * the chain and runs the merchant, alone, because what a gas key sends must be sent one after the other. When the
 * keeper ends, however it ends, another one goes on where it was. The last one that closes ends the chain.
 */
export class ChainShare {
  readonly chain: LocalChain;
  /** Pays the gas of what this server sends itself; no other server sends from it. */
  readonly relayer: Address;
  /** Sentences that an operator should read. */
  readonly notices: readonly string[];
  readonly #options: ChainShareOptions;
  readonly #seat: Seat;
  #keeping: Keeping | undefined;
  #watch: NodeJS.Timeout | undefined;
  #takingOver: Promise<void> | undefined;
  #trouble = "";

  private constructor(options: ChainShareOptions, given: Opened) {
    this.#options = options;
    this.chain = given.chain;
    this.relayer = given.relayer;
    this.notices = given.notices;
    this.#seat = given.seat;
    this.#keeping = given.keeping;
    if (given.keeping === undefined) this.#watch = setInterval(() => this.#takeOverSoon(), watchMs).unref();
  }

  /** Starts the chain, or joins those that use it. */
  static async open(options: ChainShareOptions): Promise<ChainShare> {
    const deadline = performance.now() + startLimitMs;
    for (;;) {
      const hold = tryHold(keeperFile(options));
      const opened = hold === undefined ? await joinKeeper(options) : await becomeKeeper(options, hold);
      if (opened !== undefined) return new ChainShare(options, opened);
      if (performance.now() > deadline)
        throw new PaygentError(
          "unavailable",
          `Another server holds the local chain in ${options.folder}, which is not running. Stop all servers of this folder and start them again.`,
        );
      await delay(startPollMs);
    }
  }

  /** Leaves the chain to the others, or ends it when there are none. */
  async close(): Promise<void> {
    const { folder } = this.#options;
    clearInterval(this.#watch);
    await this.#takingOver;
    await this.#keeping?.merchant.close();
    this.#seat.close();
    const hold = this.#keeping?.hold ?? (await this.#holdIfLast());
    if (hold === undefined) return;
    try {
      if (!isSeatTaken(folder, seats)) await (await adoptAnvil(folder))?.close();
    } finally {
      hold.close();
    }
  }

  /** The keeper may be closing too, and have seen this server when it looked for others. */
  async #holdIfLast(): Promise<Hold | undefined> {
    const deadline = performance.now() + leaveLimitMs;
    while (!isSeatTaken(this.#options.folder, seats) && performance.now() < deadline) {
      const hold = tryHold(keeperFile(this.#options));
      if (hold !== undefined) return hold;
      await delay(startPollMs);
    }
    return undefined;
  }

  #takeOverSoon(): void {
    this.#takingOver ??= this.#takeOver().finally(() => {
      this.#takingOver = undefined;
    });
  }

  async #takeOver(): Promise<void> {
    const notices: string[] = [];
    let hold: Hold | undefined;
    try {
      hold = tryHold(keeperFile(this.#options));
      if (hold === undefined) return;
      this.#keeping = await startKeeping(this.#options, hold, notices, { isAlone: false });
      clearInterval(this.#watch);
      for (const notice of notices) this.#options.onNotice(notice);
      this.#options.onNotice("The server that kept the local chain has ended, and this one keeps it now.");
    } catch (error) {
      hold?.close();
      const trouble = `The local chain's keeper has ended, and this server cannot keep it yet: ${sentenceOf(error)}`;
      if (trouble !== this.#trouble) this.#options.onNotice(trouble);
      this.#trouble = trouble;
    }
  }
}

interface Opened {
  readonly chain: LocalChain;
  readonly relayer: Address;
  readonly seat: Seat;
  readonly keeping?: Keeping;
  readonly notices: readonly string[];
}

const keeperFile = ({ folder }: ChainShareOptions) => join(folder, "keeper.lock");

async function becomeKeeper(options: ChainShareOptions, hold: Hold): Promise<Opened> {
  const { folder } = options;
  const notices: string[] = [];
  let seat: Seat | undefined;
  let keeping: Keeping | undefined;
  try {
    seat = takeSeat(folder, seats);
    keeping = await startKeeping(options, hold, notices, { isAlone: !isSeatTaken(folder, seats, seat) });
    const { chain } = keeping;
    return { chain, keeping, seat, relayer: await relayerOf(chain, seat), notices };
  } catch (error) {
    await keeping?.merchant.close();
    seat?.close();
    hold.close();
    throw error;
  }
}

/** `undefined` while the keeper is still starting the chain, or just ending it. */
async function joinKeeper(options: ChainShareOptions): Promise<Opened | undefined> {
  const { folder } = options;
  const chain = await findChain(folder);
  if (chain?.record.merchant_port === undefined) return undefined;
  const seat = takeSeat(folder, seats);
  try {
    // The keeper may have ended the chain before it could see that the seat is taken.
    const again = await findChain(folder);
    if (again?.anvil.pid === chain.anvil.pid)
      return { chain, seat, relayer: await relayerOf(chain, seat), notices: [] };
  } catch (error) {
    seat.close();
    throw error;
  }
  seat.close();
  return undefined;
}

/** Each server sends from an account of its own: two that take their numbers from one account's count collide. */
async function relayerOf({ anvil }: LocalChain, { number }: Seat): Promise<Address> {
  const accounts = await chainAccountsOf(anvil.rpcUrl);
  const relayer = number === 0 ? accounts[2] : accounts[accountsBefore - 1 + number];
  if (relayer !== undefined) return relayer;
  throw new PaygentError(
    "unavailable",
    "The local chain was started by a version that serves one server only. Stop that server, and start both again.",
  );
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
