import { expect, test } from "vitest";
import { eventsFrom } from "./block-windows.ts";

/** A node that has one event, at `block`, and looks through at most `most` blocks at once. */
function node({ latest, block, most }: { latest: bigint; block: bigint; most: bigint }) {
  const asked: string[] = [];
  const ask = async ({ fromBlock, toBlock }: { fromBlock: bigint; toBlock: bigint | "latest" }) => {
    const to = toBlock === "latest" ? latest : toBlock;
    asked.push(`${fromBlock}-${toBlock}`);
    if (to - fromBlock >= most) throw new Error("The range is too large.");
    return block >= fromBlock && block <= to ? [block] : [];
  };
  return { asked, find: (fromBlock: bigint) => eventsFrom({ getBlockNumber: async () => latest }, fromBlock, ask) };
}

test("a node that looks through everything is asked once", async () => {
  const { asked, find } = node({ latest: 90_000n, block: 12n, most: 1_000_000n });

  expect(await find(10n)).toEqual([12n]);
  expect(asked).toEqual(["10-latest"]);
});

test("a node that refuses a long range is asked window by window, to the first that has the event", async () => {
  const { asked, find } = node({ latest: 90_000n, block: 1500n, most: 1000n });

  expect(await find(10n)).toEqual([1500n]);
  expect(asked).toEqual(["10-latest", "10-1009", "1010-2009"]);
});

test("no block is left out at the end, and none is asked for that is not there yet", async () => {
  const { asked, find } = node({ latest: 2010n, block: 2010n, most: 1000n });

  expect(await find(10n)).toEqual([2010n]);
  expect(asked).toEqual(["10-latest", "10-1009", "1010-2009", "2010-latest"]);
});

test("what is not there is not found, and a node that fails at a short range has failed", async () => {
  expect(await node({ latest: 5000n, block: 9999n, most: 1000n }).find(10n)).toEqual([]);
  await expect(node({ latest: 500n, block: 20n, most: 1n }).find(10n)).rejects.toThrow("too large");
});
