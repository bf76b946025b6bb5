import { Command, CommanderError } from "commander";
import { addApprovals } from "./approvals.ts";
import { type ArchiveParts, addArchive } from "./archive.ts";
import { addDemo, type DemoParts } from "./demo.ts";
import { addDoctor } from "./doctor.ts";
import type { DoctorParts } from "./doctor-checks.ts";
import { exitCodeOf, exitCodes } from "./exit-codes.ts";
import { addFreeze } from "./freeze.ts";
import { addPayments } from "./payments.ts";
import { jsonLine, plainLines } from "./plain-text.ts";
import { addRevoke } from "./revoke.ts";
import { addRules } from "./rules.ts";
import { addRun } from "./run.ts";
import type { Env } from "./server-access.ts";
import { addSessions } from "./sessions.ts";
import { addStart, type StartServer } from "./start.ts";
import type { Terminal } from "./terminal.ts";
import { addVerify, type VerifyParts } from "./verify.ts";
import { addWallet, type WalletParts } from "./wallet.ts";
import { addWatch } from "./watch.ts";

/** What the commands use of the server's side. */
export interface CliParts extends ArchiveParts, DemoParts, DoctorParts, VerifyParts {
  readonly version: string;
  readonly startServer: StartServer;
  readonly wallet: WalletParts;
}

/** Runs one command line (without the program's name) and returns the exit code. */
export async function runCli(args: readonly string[], env: Env, parts: CliParts, terminal: Terminal): Promise<number> {
  let code: number = exitCodes.success;
  const exit = (value: number) => {
    code = value;
  };
  const program = new Command("paygent")
    .description("The live control plane for AI agents that spend money.")
    .version(parts.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.note(text.trimEnd()),
    })
    .showHelpAfterError("(give --help for what is possible)");
  addStart(program, env, parts.startServer, terminal, exit);
  addRun(program, env, terminal, exit);
  addWatch(program, env, terminal, exit);
  addApprovals(program, env, terminal, exit);
  addPayments(program, env, terminal);
  addRules(program, env, terminal);
  addFreeze(program, env, terminal);
  addRevoke(program, env, terminal);
  addSessions(program, env, terminal, exit);
  addVerify(program, parts, terminal, exit);
  addArchive(program, parts, terminal, exit);
  addWallet(program, env, parts.wallet, terminal);
  addDemo(program, parts, terminal, exit);
  addDoctor(program, env, parts, terminal, exit);

  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    // Commander has already said what is wrong; asking for help or the version is no error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
    reportFailure(error, args.includes("--json"), terminal);
    return exitCodeOf(error);
  }
}

function reportFailure(error: unknown, isJson: boolean, terminal: Terminal): void {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (isJson) terminal.note(jsonLine({ error: { code, message } }));
  else terminal.note(`${terminal.colors.red("✗")} ${plainLines(message).join("\n  ")}`);
}
