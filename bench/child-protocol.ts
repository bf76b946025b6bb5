import { readdirSync } from "node:fs";

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
  /** Open files and sockets; 0 where the system does not list them. */
  readonly descriptors: number;
}

export type Question = "cpu" | "memory" | "close";

/** The child's side: says that it is ready, and answers until it is told to close. */
export function serveBench(ready: Ready, close: () => Promise<unknown>): void {
  process.on("message", (question: Question) => {
    if (question !== "close") return void process.send?.(usage(question));
    void close().then(() => process.exit());
  });
  // A bench that was ended leaves no servers behind.
  process.once("disconnect", () => process.exit());
  process.send?.(ready);
}

function usage(question: Question): Usage {
  if (question === "memory") globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const descriptors = process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
  return { cpuMicros: user + system, rss, heapUsed, descriptors };
}
