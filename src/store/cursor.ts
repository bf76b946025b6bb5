/** Where a list goes on: behind the row that was made at `at` with this id. */
export interface Cursor {
  readonly at: string;
  readonly id: string;
}
