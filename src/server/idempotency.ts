import { PaygentError } from "../protocol/errors.ts";
import { type Clock, isoTime } from "../runtime/clock.ts";
import type { Store } from "../store/database.ts";
import { claimIdempotencyKey, keepReply, releaseIdempotencyKey } from "../store/idempotency-keys.ts";
import type { Idempotency } from "./http/api.ts";

/** Answers to requests with an `Idempotency-Key`, kept in the store. */
export function createIdempotency(store: Store, clock: Clock): Idempotency {
  return {
    async run({ userId, key, requestHash }, work) {
      const at = isoTime(clock.now());
      const earlier = await store.write((tx) => claimIdempotencyKey(tx, { userId, key, requestHash, at }), { userId });
      if (earlier !== undefined) {
        if (earlier.requestHash !== requestHash) {
          throw new PaygentError("conflict", "This Idempotency-Key was used for another request; use a new one.");
        }
        if (earlier.reply !== undefined) return earlier.reply;
        throw new PaygentError("conflict", "The first request with this Idempotency-Key is still being worked on.");
      }
      try {
        const reply = await work();
        await store.write((tx) => keepReply(tx, { userId, key }, reply), { userId });
        return reply;
      } catch (error) {
        await store.write((tx) => releaseIdempotencyKey(tx, { userId, key }), { userId });
        throw error;
      }
    },
  };
}
