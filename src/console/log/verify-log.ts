import type { PaygentClient } from "../../client/index.ts";
import {
  type ChainEntry,
  type Checkpoint,
  checkChain,
  type Sha256,
  type Verification,
} from "../../protocol/hash-chain.ts";

/** How far a check has come. */
export interface Progress {
  readonly checked: number;
  readonly of: number;
}

/**
 * Follows a session's hash chain in this browser, over the events as the server sends them. What it finds does not
 * depend on the server's word, but only a `checkpoint` noted earlier shows that the log was not written anew.
 */
export async function verifyLog(
  client: Pick<PaygentClient, "events" | "logs">,
  sessionId: string,
  options: { readonly checkpoint?: Checkpoint | undefined; readonly onProgress?: (progress: Progress) => void } = {},
): Promise<Verification> {
  const { checkpoint, onProgress } = options;
  const sha256 = webSha256();
  // Asked before the log is read, so that the log can only be longer.
  const { first_seq: firstSeq, last_seq: lastSeq } = await client.events.list(sessionId, { limit: 1 });
  return checkChain(
    entries(client, sessionId, (checked) => onProgress?.({ checked, of: lastSeq })),
    {
      sessionId,
      sha256,
      firstSeq: Math.max(1, firstSeq),
      lastSeq,
      checkpoint,
    },
  );
}

async function* entries(
  { logs }: Pick<PaygentClient, "logs">,
  sessionId: string,
  onPage: (seq: number) => void,
): AsyncGenerator<ChainEntry> {
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await logs.raw({ session_id: sessionId, limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    for (const { seq, text, hash, sessionId: told } of page.data) {
      yield { seq, text, hash, flaw: told === sessionId ? undefined : `Event ${seq} is of another session.` };
    }
    onPage(page.data.at(-1)?.seq ?? 0);
    cursor = page.next_cursor;
  }
}

/** WebCrypto's. Browsers have it only on pages that nobody on the way can have changed. */
function webSha256(): Sha256 {
  const { subtle } = globalThis.crypto;
  if (subtle === undefined) {
    throw new Error(
      "This browser computes no hashes on a page that came over plain HTTP from another machine. " +
        "Open the console over HTTPS, or check the log with npx paygent verify.",
    );
  }
  const encoder = new TextEncoder();
  return async (text) => {
    const digest = new Uint8Array(await subtle.digest("SHA-256", encoder.encode(text)));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
}
