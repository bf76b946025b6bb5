/** The SHA-256 of a text's UTF-8 bytes in lower-case hexadecimal: Node's own, or that of a browser, which takes a turn. */
export type Sha256 = (text: string) => string | Promise<string>;

/** What stands before a session's first event, hashed: so a log cannot be passed off as another session's. */
export function genesisText(sessionId: string): string {
  return `paygent session ${sessionId}`;
}

/** What an event's hash is the SHA-256 of: the hash before it, and its text. */
export function linkText(previous: string, text: string): string {
  return `${previous}\n${text}`;
}

/** An event's text and hash out of an entry of the log, which is the text with the hash as its last member. */
export function splitLogEntry(entry: string): { readonly text: string; readonly hash: string } | undefined {
  const [, head, hash] = /^(\{.*),"hash":"([0-9a-f]{64})"\}$/s.exec(entry) ?? [];
  return head === undefined || hash === undefined ? undefined : { text: `${head}}`, hash };
}

/** An event as a log or a file has it. */
export interface ChainEntry {
  readonly seq: number;
  readonly text: string;
  readonly hash: string;
  /** What is wrong with the entry beside its hash. */
  readonly flaw?: string | undefined;
  /** Why there is no event where this one should stand; then all else of the entry says nothing. */
  readonly missing?: string;
}

/** An event's place and hash, noted elsewhere at a time when the log was known to be right. */
export interface Checkpoint {
  readonly seq: number;
  readonly hash: string;
}

/** A checkpoint as `paygent verify` prints it: `12:ab…`. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [, seq, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  return seq === undefined || hash === undefined ? undefined : { seq: Number(seq), hash };
}

/** What a look at a session's events found. */
export interface Verification {
  readonly sessionId: string;
  readonly isIntact: boolean;
  /** How many events hold together, from the first one on. */
  readonly events: number;
  /** The last of them, and its hash: together a checkpoint to keep elsewhere. */
  readonly lastSeq: number;
  readonly headHash: string;
  /** The seq of the first event that is not as it was written. */
  readonly brokenAt?: number;
  /** A sentence that tells what is wrong with it. */
  readonly problem?: string;
}

export interface ChainEnds {
  readonly sessionId: string;
  readonly sha256: Sha256;
  /** The oldest event that is looked at; the hash of one that is not the session's first is taken as it stands. */
  readonly firstSeq?: number;
  /** The hash of the event before that one, where it is known. */
  readonly previousHash?: string | undefined;
  /** Where the log must end, as the session's row has it. */
  readonly head?: Checkpoint | undefined;
  /** How far the log reaches at least, where no hash of its end is known. */
  readonly lastSeq?: number | undefined;
  /** An event that the log must have. */
  readonly checkpoint?: Checkpoint | undefined;
}

/** Follows a session's hash chain and stops at the first event that does not belong where it stands. */
export async function checkChain(entries: AsyncIterable<ChainEntry>, ends: ChainEnds): Promise<Verification> {
  const { sessionId, sha256, firstSeq = 1, previousHash, checkpoint } = ends;
  const rest = entries[Symbol.asyncIterator]();
  let hash = previousHash ?? (await sha256(genesisText(sessionId)));
  let seq = firstSeq - 1;
  const broken = (brokenAt: number, problem: string): Verification => ({
    sessionId,
    isIntact: false,
    events: seq - firstSeq + 1,
    lastSeq: seq,
    headHash: hash,
    brokenAt,
    problem,
  });
  try {
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      const entry = next.value;
      const expected = seq + 1;
      if (entry.missing !== undefined) return broken(expected, entry.missing);
      if (entry.seq !== expected) return broken(expected, await misplacement(entry, expected, rest));
      const isAnchor = expected === firstSeq && firstSeq > 1 && previousHash === undefined;
      if (!isAnchor && entry.hash !== (await sha256(linkText(hash, entry.text)))) {
        return broken(expected, await alteration(entry, hash, sha256, rest));
      }
      if (entry.flaw !== undefined) return broken(expected, entry.flaw);
      if (checkpoint?.seq === expected && checkpoint.hash !== entry.hash) {
        return broken(expected, `Event ${expected} is not the checkpoint's: the log was rewritten at it or before it.`);
      }
      seq = expected;
      hash = entry.hash;
    }
  } finally {
    await rest.return?.();
  }
  const wrongEnd = endProblem(seq, hash, ends);
  if (wrongEnd !== undefined) return broken(wrongEnd.seq, wrongEnd.problem);
  return { sessionId, isIntact: true, events: seq - firstSeq + 1, lastSeq: seq, headHash: hash };
}

/** Why another event stands where `expected` should: it was removed, it comes later, or one came in between. */
async function misplacement(entry: ChainEntry, expected: number, rest: AsyncIterator<ChainEntry>): Promise<string> {
  if (entry.seq < expected)
    return `Event ${entry.seq} stands once more where event ${expected} should: it was inserted.`;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
    if (next.value.seq === expected) return `Event ${expected} stands behind event ${entry.seq}: they were reordered.`;
  }
  return expected === entry.seq - 1
    ? `Event ${expected} was removed.`
    : `Events ${expected} to ${entry.seq - 1} were removed.`;
}

/** Why an event does not follow from the one before: it was altered, or stands before the true one. */
async function alteration(
  entry: ChainEntry,
  previous: string,
  sha256: Sha256,
  rest: AsyncIterator<ChainEntry>,
): Promise<string> {
  const { value: follower } = await rest.next();
  const isInserted = follower?.seq === entry.seq && follower.hash === (await sha256(linkText(previous, follower.text)));
  return isInserted
    ? `An event was inserted before the true event ${entry.seq}.`
    : `Event ${entry.seq} or its hash was altered.`;
}

function endProblem(seq: number, hash: string, ends: ChainEnds): { seq: number; problem: string } | undefined {
  const { head, lastSeq = 0, checkpoint, firstSeq = 1 } = ends;
  if (head !== undefined && seq > head.seq) {
    return { seq: head.seq + 1, problem: `Event ${head.seq + 1} stands behind the session's last: it was inserted.` };
  }
  const known = Math.max(head?.seq ?? 0, lastSeq, checkpoint?.seq ?? 0);
  if (seq < known) {
    return { seq: seq + 1, problem: `The log was truncated: events ${seq + 1} to ${known} are missing.` };
  }
  if (checkpoint !== undefined && checkpoint.seq < firstSeq) {
    return { seq: firstSeq, problem: `The checkpoint is older than the log, which begins at event ${firstSeq}.` };
  }
  if (head !== undefined && head.hash !== hash) {
    return { seq, problem: `The session's head is another than event ${seq}: the log was rewritten, or its row was.` };
  }
  return undefined;
}
