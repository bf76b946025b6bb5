import { createPublicClient, getAddress, http } from "viem";
import { formatUnits } from "../protocol/money.ts";
import type { WalletInfo } from "../protocol/resources.ts";
import { checkNetwork } from "./network-check.ts";
import type { NetworkOptions } from "./network-world.ts";
import { tokenOn } from "./networks.ts";
import { tokenAbi } from "./token.ts";

/** What an address holds on a network, asked of its node. Throws a sentence like the start of a server does. */
export async function networkBalance(
  { network, rpcUrl, asset }: Pick<NetworkOptions, "network" | "rpcUrl" | "asset">,
  holder: string,
): Promise<WalletInfo> {
  const token = tokenOn(network, asset);
  await checkNetwork(rpcUrl, network, token);
  const chain = createPublicClient({ transport: http(rpcUrl, { timeout: 10_000 }) });
  const address = getAddress(holder);
  const call = { address: token.address, abi: tokenAbi, functionName: "balanceOf", args: [address] } as const;
  return {
    address,
    network,
    currency: token.symbol,
    amount: formatUnits(await chain.readContract(call), token.decimals),
  };
}
