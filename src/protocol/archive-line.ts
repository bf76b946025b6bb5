/** What `paygent archive` is to move out of the database. */
export interface ArchiveRequest {
  /** All sessions when absent. */
  readonly sessionId: string | undefined;
  /** For how many days events are kept. */
  readonly days: number;
  readonly archiveDir: string;
  /** Only tells what would be done. */
  readonly isDryRun: boolean;
  /** Ends it after the batch under way. */
  readonly signal: AbortSignal;
}

/** What became of a session's old events: moved to a file, or to be moved, or why they were not. */
export type ArchiveLine = { readonly sessionId: string } & (
  | { readonly outcome: "archived"; readonly firstSeq: number; readonly lastSeq: number; readonly path: string }
  | { readonly outcome: "due"; readonly firstSeq: number; readonly lastSeq: number }
  | { readonly outcome: "nothing" | "taken" }
  | { readonly outcome: "refused"; readonly problem: Error }
);
