import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

const Replay = z.object({ fingerprint: z.string(), contentType: z.string(), body: z.string() });
type Replay = z.infer<typeof Replay>;

/**
 * What a merchant has sold, by payment identifier, so that a customer who lost the answer can ask again with
 * the same payment. Kept in files: the answer may have been lost because everything was killed.
 */
export interface Replays {
  find(id: string): Replay | undefined;
  /** Notes that a payment is about to be settled: a kill may come between that and the sale. */
  begin(id: string, fingerprint: string): void;
  hasBegun(id: string, fingerprint: string): boolean;
  keep(id: string, replay: Replay): void;
}

export function openReplays(folder: string): Replays {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const nameOf = (id: string) => join(folder, createHash("sha256").update(id).digest("hex"));
  const fileOf = (id: string) => `${nameOf(id)}.json`;
  const noteOf = (id: string) => `${nameOf(id)}.begun`;
  return {
    find: (id) => {
      try {
        return Replay.parse(JSON.parse(readFileSync(fileOf(id), "utf8")));
      } catch {
        // Never sold, or killed while it was written: in both cases there is nothing to hand out again.
        return undefined;
      }
    },
    begin: (id, fingerprint) => writeFileSync(noteOf(id), fingerprint, { mode: 0o600 }),
    hasBegun(id, fingerprint) {
      try {
        return readFileSync(noteOf(id), "utf8") === fingerprint;
      } catch {
        return false;
      }
    },
    keep: (id, replay) => writeFileSync(fileOf(id), JSON.stringify(replay), { mode: 0o600 }),
  };
}
