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
  keep(id: string, replay: Replay): void;
}

export function openReplays(folder: string): Replays {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (id: string) => join(folder, `${createHash("sha256").update(id).digest("hex")}.json`);
  return {
    find: (id) => {
      try {
        return Replay.parse(JSON.parse(readFileSync(fileOf(id), "utf8")));
      } catch {
        // Never sold, or killed while it was written: in both cases there is nothing to hand out again.
        return undefined;
      }
    },
    keep: (id, replay) => writeFileSync(fileOf(id), JSON.stringify(replay), { mode: 0o600 }),
  };
}
