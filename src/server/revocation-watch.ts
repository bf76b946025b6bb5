import type { Caller } from "../runtime/access.ts";
import { type Clock, isoTime } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { isRevokedBy } from "../runtime/revoke.ts";
import { type RevocationRow, revocationsSince } from "../store/revocations.ts";
import type { Database } from "../store/statement.ts";

const lookMs = 2000;
/** How much later than its time a revocation may become visible: longer than any transaction, or admission, takes. */
const overlapMs = 60_000;

interface Open {
  readonly identity: Caller;
  readonly end: () => void;
}

/**
 * Ends sockets and streams whose token was revoked: here at once, by another server at the next look into the
 * database. What comes in over them meanwhile is refused by `refuseRevoked`.
 */
export class RevocationWatch {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #open = new Set<Open>();
  readonly #timer: NodeJS.Timeout;
  #lookedAt: number;
  #isLooking = false;

  constructor({ db, clock, log }: { readonly db: Database; readonly clock: Clock; readonly log: Log }) {
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
    this.#lookedAt = clock.now();
    this.#timer = setInterval(() => void this.#look(), lookMs);
  }

  /** Calls `end`, perhaps more than once, when the token is revoked, until the returned function is called. */
  add(identity: Caller, end: () => void): () => void {
    const open = { identity, end };
    this.#open.add(open);
    return () => {
      this.#open.delete(open);
    };
  }

  endRevoked(rows: readonly RevocationRow[]): void {
    if (rows.length === 0) return;
    const byKey = new Map(rows.map((row) => [keyOf(row.kind, row.subject), row]));
    for (const { identity, end } of this.#open) {
      const found = [byKey.get(keyOf("user", identity.userId)), byKey.get(keyOf("token", identity.token?.id ?? ""))];
      if (found.some((row) => row !== undefined && isRevokedBy(identity, row))) end();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const now = this.#clock.now();
      this.endRevoked(await revocationsSince(this.#db, isoTime(this.#lookedAt - overlapMs)));
      this.#lookedAt = now;
    } catch (error) {
      // The next look begins where the last one that worked did.
      this.#log.error({ err: error }, "could not look for revocations");
    } finally {
      this.#isLooking = false;
    }
  }
}

function keyOf(kind: RevocationRow["kind"], subject: string): string {
  return `${kind} ${subject}`;
}
