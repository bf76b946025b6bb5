import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import * as z from "zod";
import { type Checkpoint, parseCheckpoint, type Verification } from "../protocol/hash-chain.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";
import { jsonLine, plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

export interface VerifyParts {
  /**
   * Reads a session's events, or those of all sessions, without changing them; a server may use them. Archived
   * ones are looked for in `archive`, in the folder of the settings, or nowhere when it is `false`.
   */
  verifySessions(
    sessionId: string | undefined,
    options: { readonly checkpoints: ReadonlyMap<string, Checkpoint>; readonly archive: string | false | undefined },
  ): AsyncIterable<Verification>;
  /** Reads an exported log or a folder of archived events. */
  verifyFiles(path: string, checkpointOf: (sessionId: string) => Checkpoint | undefined): AsyncIterable<Verification>;
}

interface VerifyOptions {
  readonly file?: string;
  readonly checkpoint?: Checkpoint;
  readonly checkpoints?: string;
  /** False for `--no-archive`; true when neither form was given. */
  readonly archive: string | boolean;
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
    .option("--file <path>", "check files alone: an exported log (one entry of GET /api/v1/logs a line) or an archive")
    .option(
      "--archive <folder>",
      "where archived events are (PAYGENT_ARCHIVE_DIR; default: archive in the data folder)",
    )
    .option("--no-archive", "check only what is in the database")
    .option(
      "--checkpoint <seq:hash>",
      "an event's number and hash noted earlier, to find a cut or rewritten log",
      checkpointOption,
    )
    .option("--checkpoints <file>", "what verify --json printed earlier: every session in it must still be there")
    .option("--json", "print JSON for programs")
    .action(async (sessionId: string | undefined, options: VerifyOptions) => {
      const { colors } = terminal;
      let count = 0;
      let broken = 0;
      const noted = await notedCheckpoints(sessionId, options);
      for await (const verification of withLost(verifications(parts, sessionId, options, noted), noted)) {
        count += 1;
        if (!verification.isIntact) broken += 1;
        if (options.json) terminal.print(jsonLine(verification));
        else for (const line of verificationLines(verification)) terminal.print(line);
      }
      if (!options.json)
        terminal.note(colors.dim(`${count} ${count === 1 ? "session" : "sessions"} checked, ${broken} broken`));
      exit(broken === 0 ? exitCodes.success : exitCodes.failed);

      function verificationLines({
        sessionId: id,
        isIntact,
        events,
        lastSeq,
        headHash,
        problem,
      }: Verification): string[] {
        const mark = isIntact ? colors.green("✓") : colors.red("✗");
        const line = `${mark} ${plainText(id)}  ${events} events  ${colors.dim(`${lastSeq}:${headHash}`)}`;
        return problem === undefined ? [line] : [line, `  ${colors.red(plainText(problem))}`];
      }
    });
}

function verifications(
  parts: VerifyParts,
  sessionId: string | undefined,
  { file, checkpoint, archive }: VerifyOptions,
  checkpoints: ReadonlyMap<string, Checkpoint>,
): AsyncIterable<Verification> {
  if (file !== undefined && sessionId !== undefined) throw new UsageError("Give a session or --file, not both.");
  if (file !== undefined) return parts.verifyFiles(file, (id) => checkpoint ?? checkpoints.get(id));
  return parts.verifySessions(sessionId, { checkpoints, archive: archive === true ? undefined : archive });
}

const Noted = z.object({ sessionId: z.string(), isIntact: z.boolean(), lastSeq: z.int(), headHash: z.string() });

/** The events that must still be there, by session. */
async function notedCheckpoints(
  sessionId: string | undefined,
  { file, checkpoint, checkpoints }: VerifyOptions,
): Promise<Map<string, Checkpoint>> {
  if (checkpoint !== undefined && checkpoints !== undefined) {
    throw new UsageError("Give --checkpoint or --checkpoints, not both.");
  }
  if (checkpoint !== undefined && sessionId === undefined && file === undefined) {
    throw new UsageError("A checkpoint belongs to one session: name it.");
  }
  if (checkpoint !== undefined && sessionId !== undefined) return new Map([[sessionId, checkpoint]]);
  if (checkpoints === undefined) return new Map();
  const lines = (await readFile(checkpoints, "utf8")).split("\n").filter((line) => line.trim() !== "");
  const noted = lines.map((line) => noteOf(line, checkpoints));
  const intact = noted.filter((note) => note.isIntact && note.lastSeq > 0);
  const wanted = intact.filter((note) => sessionId === undefined || note.sessionId === sessionId);
  return new Map(wanted.map((note) => [note.sessionId, { seq: note.lastSeq, hash: note.headHash }]));
}

function noteOf(line: string, path: string): z.infer<typeof Noted> {
  try {
    return Noted.parse(JSON.parse(line));
  } catch (cause) {
    throw new UsageError(`${path} is not what verify --json printed.`, { cause });
  }
}

/** What was found, and then the sessions that were noted and of which nothing was found. */
async function* withLost(
  found: AsyncIterable<Verification>,
  noted: ReadonlyMap<string, Checkpoint>,
): AsyncGenerator<Verification> {
  const lost = new Map(noted);
  for await (const verification of found) {
    lost.delete(verification.sessionId);
    yield verification;
  }
  for (const [sessionId, { seq }] of lost) {
    const problem = `The session is gone: its checkpoint says that it had ${seq} events.`;
    yield { sessionId, isIntact: false, events: 0, lastSeq: 0, headHash: "", brokenAt: 1, problem };
  }
}

function checkpointOption(text: string): Checkpoint {
  const checkpoint = parseCheckpoint(text);
  if (checkpoint === undefined) throw new InvalidArgumentError("Give a number and a hash of 64 digits: 12:ab….");
  return checkpoint;
}
