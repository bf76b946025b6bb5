import { text } from "node:stream/consumers";
import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Where a command reads and writes. */
export interface Terminal {
  /** Whether a person sits there: questions can be asked. */
  readonly isInteractive: boolean;
  readonly columns: number;
  readonly colors: Colors;
  /** Writes to standard output as it stands, without a line break. */
  write(text: string): void;
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes a line to standard error: progress, hints and errors, never a command's answer. */
  note(line: string): void;
  /** All of standard input, as text. */
  readInput(): Promise<string>;
  /** Calls the listener at every Ctrl-C, instead of ending the process; returns the function that stops that. */
  onInterrupt(listener: () => void): () => void;
  /** The same for Ctrl-C and SIGTERM. */
  onStop(listener: (signal: "SIGINT" | "SIGTERM") => void): () => void;
}

/** The terminal of this process. A reader that goes away (`| head`) ends it quietly. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    isInteractive: stdin.isTTY === true && stdout.isTTY === true,
    get columns() {
      return stdout.columns || 100;
    },
    colors: picocolors.createColors(picocolors.isColorSupported),
    write: (text) => void stdout.write(text),
    print: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    readInput: () => text(stdin),
    onInterrupt(listener) {
      process.on("SIGINT", listener);
      return () => process.off("SIGINT", listener);
    },
    onStop(listener) {
      const onInterrupt = () => listener("SIGINT");
      const onTerminate = () => listener("SIGTERM");
      process.on("SIGINT", onInterrupt).on("SIGTERM", onTerminate);
      return () => process.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate);
    },
  };
}
