import type { Block, PublicClient } from "viem";
import { askChain } from "./ask-chain.ts";

const blockAgeMs = 1000;

type MinedBlock = Block<bigint, false, "latest">;

/** Gives a block of the last second: an older one only means that a settlement is looked for from a little further back. */
export function createRecentBlock(chain: PublicClient): () => Promise<MinedBlock> {
  let latest: { readonly at: number; readonly block: Promise<MinedBlock> } | undefined;
  return () => {
    const now = performance.now();
    if (latest === undefined || now - latest.at > blockAgeMs) {
      const block = askChain(() => chain.getBlock());
      latest = { at: now, block };
      block.catch(() => {
        latest = undefined;
      });
    }
    return latest.block;
  };
}
