import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

/** Ctrl-C or SIGTERM: the first asks a command to stop in order, the second ends the process where it stands. */
export class StopRequest {
  readonly #controller = new AbortController();
  readonly #stopListening: () => void;
  #exitCode: number = exitCodes.interrupted;

  /** `atOnce` is said when a second one comes. */
  constructor(terminal: Terminal, atOnce: string) {
    this.#stopListening = terminal.onStop((signal) => {
      if (this.signal.aborted) {
        terminal.note(atOnce);
        process.exit(codeOf(signal));
      }
      this.#exitCode = codeOf(signal);
      this.#controller.abort();
    });
  }

  /** Aborted by the first. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What a command ends with that was cut short by it. */
  get exitCode(): number {
    return this.#exitCode;
  }

  close(): void {
    this.#stopListening();
  }
}

function codeOf(signal: "SIGINT" | "SIGTERM"): number {
  return signal === "SIGINT" ? exitCodes.interrupted : exitCodes.terminated;
}
