import { createPublicClient, getAddress, http } from "viem";
import { findAnvil } from "../../src/payments/anvil.ts";
import type { LocalWorld } from "../../src/payments/local-world.ts";
import { tokenAbi } from "../../src/payments/token.ts";
import { formatUnits } from "../../src/protocol/money.ts";

/** The operating system's id of the process that runs the chain of a folder. */
export async function chainPidOf(folder: string): Promise<number> {
  const anvil = await findAnvil(folder);
  if (anvil === undefined) throw new Error(`No chain runs on ${folder}.`);
  return anvil.pid;
}

/** What an address holds, as a decimal string in USDC. */
export async function usdcBalanceOf({ rpcUrl, token }: LocalWorld, holder: string): Promise<string> {
  const client = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
  const args = [getAddress(holder)] as const;
  const call = { address: token.address, abi: tokenAbi, functionName: "balanceOf", args } as const;
  return formatUnits(await client.readContract(call), token.decimals);
}

/** Where the wallet of a local world has its money. */
export async function walletAddressOf({ wallet }: LocalWorld): Promise<string> {
  return (await wallet.balance()).address;
}
