import { type Command, InvalidArgumentError } from "commander";
import { type Checkpoint, parseCheckpoint, type Verification } from "../protocol/hash-chain.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";
import { jsonLine, plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

export interface VerifyParts {
  /** Reads a session's stored events, or those of all sessions, without changing them; a server may use them. */
  verifySessions(sessionId: string | undefined, checkpoint: Checkpoint | undefined): AsyncIterable<Verification>;
  /** Reads an exported log. */
  verifyExport(path: string, checkpoint: Checkpoint | undefined): Promise<Verification>;
}

interface VerifyOptions {
  readonly file?: string;
  readonly checkpoint?: Checkpoint;
  readonly json?: boolean;
}

export function addVerify(
  program: Command,
  parts: VerifyParts,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  program
    .command("verify")
    .description("check that stored events were not altered, removed or reordered")
    .argument("[session]", "the session's id (default: all)")
    .option("--file <path>", "check an exported log instead: one entry of GET /api/v1/logs a line")
    .option(
      "--checkpoint <seq:hash>",
      "an event's number and hash noted earlier, to find a cut or rewritten log",
      checkpointOption,
    )
    .option("--json", "print JSON for programs")
    .action(async (sessionId: string | undefined, options: VerifyOptions) => {
      const { colors } = terminal;
      let count = 0;
      let broken = 0;
      for await (const verification of verifications(parts, sessionId, options)) {
        count += 1;
        if (!verification.isIntact) broken += 1;
        if (options.json) terminal.print(jsonLine(verification));
        else for (const line of verificationLines(verification)) terminal.print(line);
      }
      if (!options.json)
        terminal.note(colors.dim(`${count} ${count === 1 ? "session" : "sessions"} checked, ${broken} broken`));
      exit(broken === 0 ? exitCodes.success : exitCodes.failed);

      function verificationLines({ sessionId: id, isIntact, events, headHash, problem }: Verification): string[] {
        const mark = isIntact ? colors.green("✓") : colors.red("✗");
        const line = `${mark} ${plainText(id)}  ${events} events  ${colors.dim(`${events}:${headHash}`)}`;
        return problem === undefined ? [line] : [line, `  ${colors.red(plainText(problem))}`];
      }
    });
}

function verifications(
  parts: VerifyParts,
  sessionId: string | undefined,
  { file, checkpoint }: VerifyOptions,
): AsyncIterable<Verification> | Promise<Verification>[] {
  if (file !== undefined && sessionId !== undefined) throw new UsageError("Give a session or --file, not both.");
  if (file !== undefined) return [parts.verifyExport(file, checkpoint)];
  if (checkpoint !== undefined && sessionId === undefined) {
    throw new UsageError("A checkpoint belongs to one session: name it.");
  }
  return parts.verifySessions(sessionId, checkpoint);
}

function checkpointOption(text: string): Checkpoint {
  const checkpoint = parseCheckpoint(text);
  if (checkpoint === undefined) throw new InvalidArgumentError("Give a number and a hash of 64 digits: 12:ab….");
  return checkpoint;
}
