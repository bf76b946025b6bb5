import { setTimeout as delay } from "node:timers/promises";
import { type Archived, type Archiver, archiveNext, concernsOneSession } from "../store/archive.ts";
import { postponeArchiving, sessionsToArchive } from "../store/archives.ts";
import { reclaimSpace } from "../store/reclaim.ts";
import { isoTime } from "./clock.ts";
import type { Log } from "./log.ts";

const dayMs = 24 * 60 * 60_000;
const listed = 100;

/** What happened to one session, or why nothing did. */
export type ArchiveStep = { readonly sessionId: string } & (
  | Archived
  | { readonly outcome: "refused"; readonly problem: Error }
);

/**
 * The first moment of which events are kept: whole days in UTC, so that a session that is busy every day has a
 * file for each day and not for each look.
 */
export function keptFrom(now: number, days: number): string {
  return isoTime(Math.floor(now / dayMs - days) * dayMs);
}

/** Archives what was written before that time in all sessions, a batch at a time, the oldest first. */
export async function* archiveDue(
  archiver: Archiver,
  before: string,
  signal: AbortSignal,
): AsyncGenerator<ArchiveStep> {
  for (let isProgress = true; isProgress; ) {
    isProgress = false;
    for (const sessionId of await sessionsToArchive(archiver.store.db, before, listed)) {
      if (signal.aborted) return;
      const step = await attempt(archiver, sessionId, before);
      isProgress ||= step.outcome !== "taken";
      yield step;
    }
  }
}

/** Archives what was written before that time in one session, batch by batch. */
export async function* archiveSession(
  archiver: Archiver,
  sessionId: string,
  before: string,
): AsyncGenerator<ArchiveStep> {
  for (let isProgress = true; isProgress; ) {
    const step = await attempt(archiver, sessionId, before);
    isProgress = step.outcome === "archived";
    yield step;
  }
}

/** A batch of one session. What is wrong with that session alone stops no other; it is tried again the next day. */
async function attempt(archiver: Archiver, sessionId: string, before: string): Promise<ArchiveStep> {
  try {
    return { sessionId, ...(await archiveNext(archiver, sessionId, before)) };
  } catch (error) {
    if (!(error instanceof Error) || !concernsOneSession(error)) throw error;
    await archiver.store.write((tx) => postponeArchiving(tx, sessionId, before));
    return { sessionId, outcome: "refused", problem: error };
  }
}

export interface RetentionOptions {
  readonly archiver: Archiver;
  readonly log: Log;
  /** For how many days events are kept in the database. */
  readonly days: number;
  readonly everyMs: number;
}

/** Keeps the database to the events of so many days while a server runs. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  open(): void {
    this.#run();
    this.#timer = setInterval(() => this.#run(), this.#options.everyMs);
  }

  /** Lets the batch under way come to its end. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.#running;
  }

  #run(): void {
    this.#running ??= this.#archive()
      .catch((error: unknown) => this.#options.log.error({ err: error }, "could not archive old events"))
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #archive(): Promise<void> {
    const { archiver, log, days } = this.#options;
    const { signal } = this.#closing;
    let events = 0;
    let begunAt = performance.now();
    for await (const step of archiveDue(archiver, keptFrom(archiver.now(), days), signal)) {
      if (step.outcome === "archived") events += step.lastSeq - step.firstSeq + 1;
      if (step.outcome === "refused") {
        log.error({ err: step.problem, session_id: step.sessionId }, "a session's old events cannot be archived");
      }
      // Half of the time is for everything else: a backlog of years must not slow down what happens now.
      await delay(performance.now() - begunAt, undefined, { signal }).catch(() => undefined);
      begunAt = performance.now();
    }
    if (events === 0) return;
    await reclaimSpace(archiver.store, signal);
    log.info({ events }, "archived old events");
  }
}
