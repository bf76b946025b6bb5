/** A defect to plant: the named test must fail when it is there, or the test proves nothing. */
export interface Mutant {
  /** The promise it breaks, by its number in docs/reliability.md. */
  readonly promise: string;
  readonly defect: string;
  readonly file: string;
  /** Text that stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  readonly test: string;
  /** Whether the test runs on PostgreSQL only. */
  readonly onPostgres?: boolean;
}
