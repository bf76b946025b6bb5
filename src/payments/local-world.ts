import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Address, createPublicClient, getAddress, http } from "viem";
import * as z from "zod";
import { formatUnits } from "../protocol/money.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Catalogue, Wallet } from "../runtime/wallet.ts";
import { type Anvil, adoptAnvil, checkSavedChain, forgetChain, LOCAL_CHAIN_ID, startAnvil } from "./anvil.ts";
import { createFacilitator } from "./facilitator.ts";
import { callRpc } from "./json-rpc.ts";
import { localServices } from "./local-services.ts";
import { deployLocalToken } from "./local-token.ts";
import { type Merchant, type MerchantOptions, openMerchant } from "./merchant.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";
import { openReplays } from "./replays.ts";
import { catalogueOf } from "./service-list.ts";
import { type Token, tokenAbi } from "./token.ts";
import { createWallet } from "./wallet.ts";
import { openWalletSecrets } from "./wallet-secrets.ts";

const network = `eip155:${LOCAL_CHAIN_ID}` as const;
const startingUnits = 100_000_000n;

export interface LocalWorldOptions {
  /** A folder of its own, made when absent; the keys in it are readable by the owner only. */
  readonly dataDir: string;
  readonly clock: Clock;
  /** The merchant's port at the first start; later starts take the port of the first. */
  readonly merchantPort?: number;
}

/** A chain, a USD token, a funded wallet and a merchant that sells for it, all on this machine. */
export interface LocalWorld {
  readonly wallet: Wallet;
  readonly catalogue: Catalogue;
  readonly merchantOrigin: string;
  readonly rpcUrl: string;
  readonly token: Token;
  readonly walletAddress: string;
  /** The operating system's id of the chain's process. */
  readonly chainPid: number;
  /** Sentences that an operator should read: state that was rebuilt, a port that had to change. */
  readonly notices: readonly string[];
  /** Decimal string in USDC. */
  usdcBalanceOf(address: string): Promise<string>;
  close(): Promise<void>;
}

const WorldRecord = z.object({
  token: z.string(),
  anchor: z.object({ number: z.string(), hash: z.string() }),
  merchant_port: z.int().optional(),
});
type WorldRecord = z.infer<typeof WorldRecord>;

const Account = z.string().transform((text) => getAddress(text));
const Accounts = z.tuple([Account, Account, Account, Account]).rest(Account);

/**
 * Starts the local world of `dataDir`, or goes on with the one that is there: same wallet, balances, token and
 * addresses. Only the first start, and one that finds the chain's state lost, gives the wallet 100 USDC.
 */
export async function startLocalWorld(options: LocalWorldOptions): Promise<LocalWorld> {
  const { clock } = options;
  // The chain may outlive this process, and is recognised by the path that it was started with.
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const notices: string[] = [];
  const { account, nonceSecret } = openWalletSecrets(dataDir);
  const { anvil, record } = await openChain(dataDir, account.address, notices);
  const opened: { close(): Promise<void> }[] = [anvil];
  try {
    const { rpcUrl } = anvil;
    const [, settler, relayer, seller] = Accounts.parse(await callRpc(rpcUrl, "eth_accounts"));
    const token = localToken(record);
    const merchant = await openMerchantAgain(
      {
        facilitator: createFacilitator(rpcUrl, network, settler),
        network,
        token,
        payTo: seller,
        replays: openReplays(join(dataDir, "sold")),
        clock,
        port: record.merchant_port ?? options.merchantPort ?? 0,
      },
      notices,
    );
    opened.unshift(merchant);
    writePrivateFile(join(dataDir, "world.json"), { ...record, merchant_port: merchant.port });

    const wallet = createWallet({
      account,
      nonceSecret,
      rpcUrl,
      network,
      token,
      relayer,
      allowUrl: (url) => url.origin === merchant.origin,
      clock,
      // This chain has one maker of blocks and never takes one back.
      final: "latest",
      mineBlock: () => callRpc(rpcUrl, "evm_mine"),
    });
    const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
    return {
      wallet,
      catalogue: createCatalogue(merchant.origin, token),
      merchantOrigin: merchant.origin,
      rpcUrl,
      token,
      walletAddress: account.address,
      chainPid: anvil.pid,
      notices,
      usdcBalanceOf: async (address) => {
        const args = [getAddress(address)] as const;
        const call = { address: token.address, abi: tokenAbi, functionName: "balanceOf", args } as const;
        return formatUnits(await client.readContract(call), token.decimals);
      },
      close: () => closeAll(opened),
    };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/** A running chain with the token on it, and the record by which it is recognised. */
async function openChain(
  dataDir: string,
  holder: Address,
  notices: string[],
): Promise<{ anvil: Anvil; record: WorldRecord }> {
  const known = readRecord(dataDir);
  const orphan = await adoptAnvil(dataDir);
  if (known !== undefined) {
    const anvil = orphan ?? (await resumeChain(dataDir, notices));
    if (anvil !== undefined && (await isKnownChain(anvil.rpcUrl, known))) return { anvil, record: known };
    await anvil?.close();
    notices.push(
      "The local chain's saved state was lost or replaced, so a new one was made with 100 USDC in the wallet.",
    );
  } else await orphan?.close();

  forgetChain(dataDir);
  const anvil = await startAnvil(dataDir);
  try {
    const [deployer] = Accounts.parse(await callRpc(anvil.rpcUrl, "eth_accounts"));
    const made = await deployLocalToken(anvil.rpcUrl, {
      deployer,
      holder,
      amount: startingUnits,
    });
    const record = { token: made.token, anchor: made.anchor, merchant_port: known?.merchant_port };
    writePrivateFile(join(dataDir, "world.json"), record);
    return { anvil, record };
  } catch (error) {
    await anvil.close();
    throw error;
  }
}

async function resumeChain(dataDir: string, notices: string[]): Promise<Anvil | undefined> {
  const saved = checkSavedChain(dataDir);
  if (saved === "none") return undefined;
  if (saved === "older")
    notices.push("The local chain's state was damaged by a kill; the copy from its last start was taken instead.");
  return await startAnvil(dataDir);
}

function readRecord(dataDir: string): WorldRecord | undefined {
  return readPrivateFile(join(dataDir, "world.json"), WorldRecord);
}

/** The block of the wallet's funding is in no other chain, and absent from one that lost its state. */
async function isKnownChain(rpcUrl: string, record: WorldRecord): Promise<boolean> {
  const Block = z.object({ hash: z.string() }).nullable();
  const block = Block.parse(await callRpc(rpcUrl, "eth_getBlockByNumber", [record.anchor.number, false]));
  const code = await callRpc(rpcUrl, "eth_getCode", [record.token, "latest"]);
  return block?.hash === record.anchor.hash && code !== "0x";
}

function localToken(record: WorldRecord): Token {
  return { address: getAddress(record.token), symbol: "USDC", decimals: 6, name: "USD Coin", version: "2" };
}

/** Frozen terms of payment hold the merchant's address, so it keeps its port as long as it can. */
async function openMerchantAgain(options: MerchantOptions, notices: string[]): Promise<Merchant> {
  try {
    return await openMerchant(options);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    const merchant = await openMerchant({ ...options, port: 0 });
    notices.push(
      `Port ${options.port} of the local merchant is taken, so it moved to ${merchant.port}; payments quoted before cannot be sent any more.`,
    );
    return merchant;
  }
}

function createCatalogue(origin: string, token: Token): Catalogue {
  const services = localServices.map(({ name, description, price }) => ({
    name,
    description,
    url: `${origin}/${name}`,
    price,
  }));
  return catalogueOf(services, token, network);
}

async function closeAll(opened: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const part of opened) await part.close();
}
