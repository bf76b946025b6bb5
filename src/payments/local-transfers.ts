import { join } from "node:path";
import { createPublicClient, getAddress, http, isAddressEqual, zeroAddress } from "viem";
import * as z from "zod";
import { adoptAnvil, findAnvil } from "./anvil.ts";
import { readPrivateFile } from "./private-file.ts";
import { tokenAbi } from "./token.ts";

/** One transfer on a local chain. `value` is in the token's smallest unit. */
export interface LocalTransfer {
  readonly to: string;
  readonly value: bigint;
  readonly txHash: string;
}

/** A look at a local chain from beside its server, which may be dead: the chain outlives it. */
export interface LocalChainView {
  /** All transfers of the token but its minting; on a local chain only the wallet has any to send. */
  transfers(): Promise<LocalTransfer[]>;
}

const TokenRecord = z.object({ token: z.string().transform((text) => getAddress(text)) });

/** The chain that runs on `folder`; rejects when none does. */
export async function viewLocalChain(folder: string): Promise<LocalChainView> {
  const anvil = await findAnvil(folder);
  const record = readPrivateFile(join(folder, "world.json"), TokenRecord);
  if (anvil === undefined || record === undefined) throw new Error(`No local chain runs on ${folder}.`);
  const client = createPublicClient({ transport: http(anvil.rpcUrl), cacheTime: 0 });
  return {
    async transfers() {
      const logs = await client.getContractEvents({
        address: record.token,
        abi: tokenAbi,
        eventName: "Transfer",
        fromBlock: 0n,
        toBlock: "latest",
        strict: true,
      });
      return logs
        .filter(({ args }) => !isAddressEqual(args.from, zeroAddress))
        .map(({ args, transactionHash }) => ({ to: args.to, value: args.value, txHash: transactionHash }));
    },
  };
}

/** Ends the chain that a killed server left running on `folder`, if there is one. */
export async function endLocalChain(folder: string): Promise<void> {
  await (await adoptAnvil(folder))?.close();
}
