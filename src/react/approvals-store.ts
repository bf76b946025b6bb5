import type { PaygentClient } from "../client/client.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { Approval } from "../protocol/resources.ts";

/** What is known of the requests that wait for a user. */
export interface PendingApprovals {
  /** Every request of the user that waits for a decision, over all sessions, oldest first. */
  readonly approvals: readonly Approval[];
  readonly isLoading: boolean;
  /** Why the list could not be read the last time; what was read before stays. */
  readonly error?: PaygentError;
}

/** One client's pending approvals, shared by every component that shows them; asked for while somebody looks. */
export class ApprovalsStore {
  readonly #client: PaygentClient;
  readonly #refreshMs: number;
  readonly #listeners = new Set<() => void>();
  #pending: PendingApprovals = { approvals: [], isLoading: true };
  #timer: ReturnType<typeof setInterval> | undefined;
  #turn = 0;

  constructor(client: PaygentClient, refreshMs: number) {
    this.#client = client;
    this.#refreshMs = refreshMs;
  }

  get pending(): PendingApprovals {
    return this.#pending;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#timer === undefined) {
      this.#timer = setInterval(() => void this.refresh(), this.#refreshMs);
      void this.refresh();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#turn += 1;
    };
  };

  readonly refresh = async (): Promise<void> => {
    this.#turn += 1;
    const turn = this.#turn;
    let next: PendingApprovals;
    try {
      next = { approvals: await pendingApprovals(this.#client), isLoading: false };
    } catch (cause) {
      const error = cause instanceof PaygentError ? cause : new PaygentError("internal", String(cause), { cause });
      next = { approvals: this.#pending.approvals, isLoading: false, error };
    }
    // An older answer that comes later must not undo a newer one.
    if (turn !== this.#turn) return;
    this.#pending = next;
    for (const listener of this.#listeners) listener();
  };
}

async function pendingApprovals(client: PaygentClient): Promise<Approval[]> {
  const found: Approval[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.approvals.list({
      status: "pending",
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.data);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found.reverse();
}

const stores = new WeakMap<PaygentClient, Map<number, ApprovalsStore>>();

/** The one store of a client for this interval. */
export function approvalsStore(client: PaygentClient, refreshMs: number): ApprovalsStore {
  const ofClient = stores.get(client) ?? new Map<number, ApprovalsStore>();
  stores.set(client, ofClient);
  const store = ofClient.get(refreshMs) ?? new ApprovalsStore(client, refreshMs);
  ofClient.set(refreshMs, store);
  return store;
}
