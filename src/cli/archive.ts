import type { Command } from "commander";
import type { ArchiveLine, ArchiveRequest } from "../protocol/archive-line.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";
import { jsonLine, plainText } from "./plain-text.ts";
import { countOption } from "./server-access.ts";
import { StopRequest } from "./stop-request.ts";
import type { Terminal } from "./terminal.ts";

export interface ArchiveParts {
  /** What the settings say; throws a sentence when they are wrong. */
  archiveSettings(): Promise<{ readonly retentionDays: number | undefined; readonly archiveDir: string }>;
  /** Moves old events out of the database, beside the servers that use it. */
  archiveEvents(request: ArchiveRequest): AsyncIterable<ArchiveLine>;
}

interface ArchiveOptions {
  readonly days?: number;
  readonly archive?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addArchive(
  program: Command,
  parts: ArchiveParts,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  program
    .command("archive")
    .description("move old events from the database to files that verify still reads")
    .argument("[session]", "the session's id (default: all)")
    .option("--days <count>", "for how many days events are kept (PAYGENT_RETENTION_DAYS)", countOption)
    .option("--archive <folder>", "where they go (PAYGENT_ARCHIVE_DIR; default: archive in the data folder)")
    .option("--dry-run", "only tell what would be moved")
    .option("--json", "print JSON for programs")
    .action(async (sessionId: string | undefined, options: ArchiveOptions) => {
      const settings = await parts.archiveSettings();
      const days = options.days ?? settings.retentionDays;
      if (days === undefined || days < 1) {
        throw new UsageError(
          "Say for how many days events are kept, at least one: --days 90, or PAYGENT_RETENTION_DAYS.",
        );
      }
      const archiveDir = options.archive ?? settings.archiveDir;
      const isDryRun = options.dryRun === true;
      const stop = new StopRequest(
        terminal,
        "Stopped at once; what was under way is done again by the next that archives.",
      );
      try {
        const { signal } = stop;
        const lines = parts.archiveEvents({ sessionId, days, archiveDir, isDryRun, signal });
        const refused = await tell(lines, { isDryRun, isJson: options.json === true }, terminal);
        if (signal.aborted) exit(stop.exitCode);
        else exit(refused === 0 ? exitCodes.success : exitCodes.failed);
      } finally {
        stop.close();
      }
    });
}

/** Prints what comes, and the sum of it. Resolves with how many sessions were refused. */
async function tell(
  lines: AsyncIterable<ArchiveLine>,
  { isDryRun, isJson }: { readonly isDryRun: boolean; readonly isJson: boolean },
  terminal: Terminal,
): Promise<number> {
  let events = 0;
  let refused = 0;
  for await (const line of lines) {
    if ("lastSeq" in line) events += line.lastSeq - line.firstSeq + 1;
    if (line.outcome === "refused") refused += 1;
    if (isJson) terminal.print(jsonLine(jsonOf(line)));
    else for (const text of textOf(line, terminal)) terminal.print(text);
  }
  const done = isDryRun ? "would be archived" : "archived";
  if (!isJson) terminal.note(terminal.colors.dim(`${events} events ${done}, ${refused} sessions refused`));
  return refused;
}

function textOf(line: ArchiveLine, { colors }: Terminal): string[] {
  const id = plainText(line.sessionId);
  switch (line.outcome) {
    case "archived":
      return [
        `${colors.green("✓")} ${id}  events ${line.firstSeq} to ${line.lastSeq}  ${colors.dim(plainText(line.path))}`,
      ];
    case "due":
      return [`${colors.dim("○")} ${id}  events ${line.firstSeq} to ${line.lastSeq}`];
    case "taken":
      return [`${colors.dim("–")} ${id}  another server archives it at the moment`];
    case "nothing":
      return [];
    case "refused":
      return [`${colors.red("✗")} ${id}`, `  ${colors.red(plainText(line.problem.message))}`];
  }
}

function jsonOf(line: ArchiveLine): object {
  return line.outcome === "refused" ? { ...line, problem: line.problem.message } : line;
}
