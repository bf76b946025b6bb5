import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "viem";
import { PaygentError } from "../protocol/errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Hold } from "../store/file-lock.ts";
import { createFacilitator } from "./facilitator.ts";
import { chainAccountsOf, keepUpChain, type LocalChain, openChain, usdcOf, writeRecord } from "./local-chain.ts";
import { findLocalPort } from "./local-port.ts";
import { type Merchant, type MerchantOptions, openMerchant } from "./merchant.ts";
import { openReplays } from "./replays.ts";

const portLimitMs = 1000;
const portPollMs = 20;

export interface KeepingOptions {
  /** A folder of its own. */
  readonly folder: string;
  readonly network: `eip155:${number}`;
  readonly clock: Clock;
  /** Gets the first money. */
  readonly holder: Address;
}

/** What the keeper of a chain has to itself: the merchant, and the hold that keeps others from being keeper. */
export interface Keeping {
  readonly chain: LocalChain;
  readonly merchant: Merchant;
  readonly hold: Hold;
}

/**
 * Runs chain and merchant of a folder. A keeper that is not alone must find them where the others know them:
 * it rejects when they cannot be there.
 */
export async function startKeeping(
  options: KeepingOptions,
  hold: Hold,
  notices: string[],
  { isAlone }: { isAlone: boolean },
): Promise<Keeping> {
  const { folder } = options;
  const { anvil, record } = isAlone
    ? await openChain(folder, options.holder, notices)
    : await keepUpChain(folder, notices);
  try {
    const port = record.merchant_port ?? (await findLocalPort());
    const shop = await shopOf(options, { anvil, record }, port);
    const merchant = isAlone ? await openMerchantAgain(shop, notices) : await openMerchantThere(shop);
    const known = { ...record, chain_port: anvil.port, merchant_port: merchant.port };
    return { chain: { anvil, record: writeRecord(folder, known) }, merchant, hold };
  } catch (error) {
    if (isAlone) await anvil.close();
    throw error;
  }
}

async function shopOf(
  { folder, network, clock }: KeepingOptions,
  { anvil: { rpcUrl }, record }: LocalChain,
  port: number,
): Promise<MerchantOptions> {
  const [, settler, , seller] = await chainAccountsOf(rpcUrl);
  return {
    facilitator: createFacilitator(rpcUrl, network, settler),
    network,
    token: usdcOf(record),
    payTo: seller,
    replays: openReplays(join(folder, "sold")),
    clock,
    port,
  };
}

/** Frozen terms of payment hold the merchant's address, so it keeps its port as long as it can. */
async function openMerchantAgain(options: MerchantOptions, notices: string[]): Promise<Merchant> {
  try {
    return await openMerchant(options);
  } catch (error) {
    if (!isTaken(error)) throw error;
    const merchant = await openMerchant({ ...options, port: await findLocalPort() });
    notices.push(
      `Port ${options.port} of the local merchant is taken, so it moved to ${merchant.port}; payments quoted before cannot be sent any more.`,
    );
    return merchant;
  }
}

/** A keeper that was killed may let its hold go a moment before its port. */
async function openMerchantThere(options: MerchantOptions): Promise<Merchant> {
  const deadline = performance.now() + portLimitMs;
  for (;;) {
    try {
      return await openMerchant(options);
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (performance.now() > deadline)
        throw new PaygentError(
          "unavailable",
          `Port ${options.port} of the local merchant, where the other servers know it, is taken. Stop what listens there.`,
          { cause: error },
        );
      await delay(portPollMs);
    }
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}
