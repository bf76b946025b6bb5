import type { Log } from "../runtime/log.ts";
import { answerWithin } from "./answer-within.ts";

/**
 * A check of something that the server stands on: `failed` when the attempt fails or takes too long. Why is logged
 * when it begins to fail, and not again before it has worked: an outage is probed every few seconds.
 */
export function readyCheck(
  name: string,
  log: Log,
  { timeoutMs, attempt }: { readonly timeoutMs: number; readonly attempt: () => Promise<unknown> },
): () => Promise<"ok" | "failed"> {
  let isFailing = false;
  return async () => {
    try {
      await answerWithin(timeoutMs, attempt());
      isFailing = false;
      return "ok";
    } catch (error) {
      if (!isFailing) log.warn({ err: error, check: name }, "a check of readiness failed");
      isFailing = true;
      return "failed";
    }
  };
}
