import * as z from "zod";
import { PaygentError } from "./errors.ts";
import { type ChainEntry, splitLogEntry } from "./hash-chain.ts";
import { objectTexts } from "./json-text.ts";
import type { Page } from "./resources.ts";

/** An entry of the log with the event's text exactly as it was sent. */
export interface RawLogEntry extends ChainEntry {
  /** The session that the event says it is of. */
  readonly sessionId: string;
}

const start = '{"data":[';
const Entry = z.object({ seq: z.int(), data: z.object({ session_id: z.string() }) });
const Rest = z.object({ next_cursor: z.string().nullable() });

/**
 * A page of `GET /logs` with its events as they were sent, for checking their hashes: a value that was parsed and
 * written anew need not be the same text. Throws `invalid_json` for what is no such page.
 */
export function readLogPage(text: string): Page<RawLogEntry> {
  try {
    if (!text.startsWith(start)) throw new Error("It does not begin like a page.");
    const { texts, end } = objectTexts(text, start.length);
    const { next_cursor } = Rest.parse(JSON.parse(`{${text.slice(end).replace(/^,/, "")}`));
    return { data: texts.map(rawEntry), next_cursor };
  } catch (cause) {
    throw new PaygentError(
      "invalid_json",
      "The answer is no page of a log; check that the server is a Paygent server.",
      {
        cause,
      },
    );
  }
}

function rawEntry(entry: string): RawLogEntry {
  const split = splitLogEntry(entry);
  if (split === undefined) throw new Error("An entry has no hash.");
  const { seq, data } = Entry.parse(JSON.parse(split.text));
  return { ...split, seq, sessionId: data.session_id };
}
