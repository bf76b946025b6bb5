import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { Tool } from "../../runtime/tool.ts";

const Args = z.strictObject({ seconds: z.number().positive().max(300).describe("More than 0, at most 300.") });

/** Lets time pass, counted from the moment the call was proposed: a restart in between does not wait anew. */
export const wait: Tool = {
  name: "wait",
  description: "Wait for some seconds before going on.",
  args: Args,
  effect: "read",
  timeoutMs: 310_000,
  async run(args, { signal, proposedAt, now }) {
    const { seconds } = Args.parse(args);
    signal.throwIfAborted();
    const remainingMs = proposedAt + seconds * 1000 - now();
    if (remainingMs > 0) {
      await sleep(Math.ceil(remainingMs), undefined, { signal }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error;
      });
    }
    return { waited_seconds: seconds };
  },
};
