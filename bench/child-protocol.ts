/** What a server process tells the bench once it listens. */
export interface Ready {
  readonly url: string;
  readonly token: string;
}

/** What a server process has used, after a garbage collection. */
export interface Usage {
  readonly cpuMicros: number;
  readonly rss: number;
  readonly heapUsed: number;
}

export type Question = "cpu" | "memory" | "close";

/** The child's side: says that it is ready, and answers until it is told to close. */
export function serveBench(ready: Ready, close: () => Promise<unknown>): void {
  process.on("message", (question: Question) => {
    if (question !== "close") return void process.send?.(usage(question));
    void close().then(() => process.disconnect());
  });
  process.send?.(ready);
}

function usage(question: Question): Usage {
  if (question === "memory") globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuMicros: user + system, rss, heapUsed };
}
