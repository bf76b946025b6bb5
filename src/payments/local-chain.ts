import { join } from "node:path";
import { type Address, getAddress } from "viem";
import * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import { type Anvil, adoptAnvil, checkSavedChain, findAnvil, forgetChain, startAnvil } from "./anvil.ts";
import { deployToken } from "./deploy-token.ts";
import { callRpc } from "./json-rpc.ts";
import { findLocalPort, isFree } from "./local-port.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";
import type { Token } from "./token.ts";

const startingUnits = 100_000_000n;

const WorldRecord = z.object({
  token: z.string().transform((text) => getAddress(text)),
  anchor: z.object({ number: z.string(), hash: z.string() }),
  chain_port: z.int().optional(),
  merchant_port: z.int().optional(),
});
/** What is known of a folder's chain: by what it is recognised, and where it and its merchant listen. */
export type WorldRecord = z.infer<typeof WorldRecord>;

/** A running chain with the token on it. */
export interface LocalChain {
  readonly anvil: Anvil;
  readonly record: WorldRecord;
}

const Account = z.string().transform((text) => getAddress(text));
const Accounts = z.tuple([Account, Account, Account, Account]).rest(Account);

/** The accounts that the chain signs for. */
export async function chainAccountsOf(rpcUrl: string): Promise<z.infer<typeof Accounts>> {
  return Accounts.parse(await callRpc(rpcUrl, "eth_accounts"));
}

/** The chain that runs on `folder` and is the one that its record tells of. Changes nothing. */
export async function findChain(folder: string): Promise<LocalChain | undefined> {
  const record = readRecord(folder);
  if (record === undefined) return undefined;
  const anvil = await findAnvil(folder);
  return anvil !== undefined && (await isKnownChain(anvil.rpcUrl, record)) ? { anvil, record } : undefined;
}

/** The chain that others still use, started again where it was if it ended. Rejects when it is not there any more. */
export async function keepUpChain(folder: string, notices: string[]): Promise<LocalChain> {
  const record = readRecord(folder);
  if (record !== undefined) {
    const anvil = (await adoptAnvil(folder)) ?? (await resumeAnvil(folder, record.chain_port, notices));
    if (anvil !== undefined && (await isKnownChain(anvil.rpcUrl, record))) return { anvil, record };
  }
  throw new PaygentError(
    "unavailable",
    `The local chain that the servers of ${folder} use is gone. Stop all of them and start them again.`,
  );
}

/** Goes on with the chain of `folder`, or makes one with 100 USDC for `holder`, when nobody else uses it. */
export async function openChain(folder: string, holder: Address, notices: string[]): Promise<LocalChain> {
  const known = readRecord(folder);
  const orphan = await adoptAnvil(folder);
  const port = known?.chain_port !== undefined && (await isFree(known.chain_port)) ? known.chain_port : undefined;
  if (known !== undefined) {
    const anvil = orphan ?? (await resumeAnvil(folder, port, notices));
    if (anvil !== undefined && (await isKnownChain(anvil.rpcUrl, known))) return { anvil, record: known };
    await anvil?.close();
    notices.push(
      "The local chain's saved state was lost or replaced, so a new one was made with 100 USDC in the wallet.",
    );
  } else await orphan?.close();

  forgetChain(folder);
  const anvil = await startAnvil(folder, { port: port ?? (await findLocalPort()) });
  try {
    const [deployer] = await chainAccountsOf(anvil.rpcUrl);
    const made = await deployToken(anvil.rpcUrl, { deployer, holder, amount: startingUnits });
    const record = { token: made.token, anchor: made.anchor, merchant_port: known?.merchant_port };
    return { anvil, record: writeRecord(folder, { ...record, chain_port: anvil.port }) };
  } catch (error) {
    await anvil.close();
    throw error;
  }
}

export function writeRecord(folder: string, record: WorldRecord): WorldRecord {
  writePrivateFile(join(folder, "world.json"), record);
  return record;
}

/** The USDC of a local chain. */
export function usdcOf({ token }: WorldRecord): Token {
  return { address: token, symbol: "USDC", decimals: 6, name: "USD Coin", version: "2" };
}

function readRecord(folder: string): WorldRecord | undefined {
  return readPrivateFile(join(folder, "world.json"), WorldRecord);
}

async function resumeAnvil(folder: string, port: number | undefined, notices: string[]): Promise<Anvil | undefined> {
  const saved = checkSavedChain(folder);
  if (saved === "none") return undefined;
  if (saved === "older")
    notices.push("The local chain's state was damaged by a kill; the copy from its last start was taken instead.");
  return await startAnvil(folder, { port });
}

/** The block of the wallet's funding is in no other chain, and absent from one that lost its state. */
async function isKnownChain(rpcUrl: string, record: WorldRecord): Promise<boolean> {
  const Block = z.object({ hash: z.string() }).nullable();
  const block = Block.parse(await callRpc(rpcUrl, "eth_getBlockByNumber", [record.anchor.number, false]));
  const code = await callRpc(rpcUrl, "eth_getCode", [record.token, "latest"]);
  return block?.hash === record.anchor.hash && code !== "0x";
}
