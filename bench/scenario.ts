import type { BenchServer } from "./bench-server.ts";

/** One line of the report. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** Ours, the median of the repetitions. */
  readonly ours: number;
  /** What the same clients measured against the baseline in the same run; absent where there is none. */
  readonly baseline?: number;
  readonly target?: Target;
  /** How busy a core the server and the clients kept, from 0 to 1. */
  readonly load?: Load;
  readonly note?: string;
}

export interface Target {
  readonly kind: "at most" | "at least";
  readonly value: number;
}

export interface Load {
  readonly server: number;
  readonly clients: number;
}

/** The server under test beside a bare `ws` server that plays the same messages and stores nothing. */
export interface Contestants {
  readonly paygent: BenchServer;
  readonly bare: BenchServer;
}

export type Scenario = {
  readonly name: string;
  /** Measured only when it is named. */
  readonly isLong?: boolean;
  /** Whether it is about several servers, which only PostgreSQL can have. */
  readonly isOfSeveral?: boolean;
} & (
  | { run(contestants: Contestants): Promise<readonly Figure[]> }
  /** Measures servers that it starts itself, on SQLite or on the PostgreSQL server at this URL. */
  | { runAlone(databaseUrl: string | undefined): Promise<readonly Figure[]> }
);
