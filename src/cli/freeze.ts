import type { Command } from "commander";
import type { FreezeTarget } from "../protocol/freeze.ts";
import { UsageError } from "./exit-codes.ts";
import { jsonLine, plainText } from "./plain-text.ts";
import { clientOf, type Env, type ServerOptions, withServerOptions } from "./server-access.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface FreezeOptions extends ServerOptions {
  readonly all?: boolean;
  readonly list?: boolean;
  readonly reason?: string;
}

export function addFreeze(program: Command, env: Env, terminal: Terminal): void {
  withServerOptions(program.command("freeze"))
    .description("stop all payments at once: of a session, of yourself, or of everybody")
    .argument("[session]", "the session's id (default: all of your own sessions)")
    .option("--all", "of everybody; needs a token with the scope admin")
    .option("--reason <text>", "why; shown to everybody concerned")
    .option("--list", "only show what is frozen")
    .action(async (session: string | undefined, options: FreezeOptions) => {
      if (options.list === true) return list(options, env, terminal);
      const { reason } = options;
      const target = targetOf(session, options);
      const put = await clientOf(options, env).freezes.put({ ...target, ...(reason === undefined ? {} : { reason }) });
      if (options.json) terminal.print(jsonLine(put));
      else terminal.print(plainText(`${nameOf(target)}: payments frozen since ${put.frozen_at} by ${put.by}`));
    });

  withServerOptions(program.command("unfreeze"))
    .description("let payments go on")
    .argument("[session]", "the session's id (default: all of your own sessions)")
    .option("--all", "of everybody; needs a token with the scope admin")
    .action(async (session: string | undefined, options: FreezeOptions) => {
      const target = targetOf(session, options);
      await clientOf(options, env).freezes.lift(target);
      if (options.json) terminal.print(jsonLine({ ...target, frozen: false }));
      else terminal.print(plainText(`${nameOf(target)}: not frozen any more`));
    });
}

function targetOf(session: string | undefined, { all }: FreezeOptions): FreezeTarget {
  if (all === true && session !== undefined) throw new UsageError("Give a session or --all, not both.");
  if (session !== undefined) return { scope: "session", session_id: session };
  return { scope: all === true ? "all" : "user" };
}

function nameOf({ scope, session_id }: FreezeTarget): string {
  switch (scope) {
    case "session":
      return `session ${session_id}`;
    case "user":
      return "your sessions";
    case "all":
      return "everybody";
  }
}

async function list(options: FreezeOptions, env: Env, terminal: Terminal): Promise<void> {
  const { data } = await clientOf(options, env).freezes.list();
  if (options.json) return data.forEach((freeze) => void terminal.print(jsonLine(freeze)));
  if (data.length === 0) return terminal.note("Nothing is frozen.");
  const rows = data.map(({ scope, session_id, user_id, by, frozen_at, reason }) => [
    scope,
    session_id ?? user_id ?? "",
    by,
    frozen_at.slice(0, 16).replace("T", " "),
    reason ?? "",
  ]);
  const headings = ["scope", "of", "by", "since", "reason"];
  for (const line of table(headings, rows, terminal.columns, terminal.colors)) terminal.print(line);
}
