import type { PublicClient } from "viem";

/** Hosted nodes look for events in so many blocks at once; few allow less. */
const windowBlocks = 1000n;

interface BlockRange {
  readonly fromBlock: bigint;
  readonly toBlock: bigint | "latest";
}

/**
 * Events from a block on: all that are there, or, where the node refuses to look through so many blocks, those
 * of the first window that has any. An authorization is used within minutes, so that is mostly the first one.
 */
export async function eventsFrom<Log>(
  client: Pick<PublicClient, "getBlockNumber">,
  fromBlock: bigint,
  ask: (range: BlockRange) => Promise<Log[]>,
): Promise<Log[]> {
  try {
    return await ask({ fromBlock, toBlock: "latest" });
  } catch (error) {
    const latest = await client.getBlockNumber();
    if (latest - fromBlock < windowBlocks) throw error;
    for (let from = fromBlock; from <= latest; from += windowBlocks) {
      const to = from + windowBlocks - 1n;
      const events = await ask({ fromBlock: from, toBlock: to < latest ? to : "latest" });
      if (events.length > 0) return events;
    }
    return [];
  }
}
