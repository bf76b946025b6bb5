import type { Command } from "commander";
import { type DoctorParts, doctorChecks } from "./doctor-checks.ts";
import { exitCodes } from "./exit-codes.ts";
import { jsonLine, plainText } from "./plain-text.ts";
import { type Env, type ServerOptions, withServerOptions } from "./server-access.ts";
import type { Terminal } from "./terminal.ts";

export function addDoctor(
  program: Command,
  env: Env,
  parts: DoctorParts,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  withServerOptions(program.command("doctor"))
    .description("check that everything a server needs is there")
    .action(async (options: ServerOptions) => {
      const { colors } = terminal;
      const marks = { ok: colors.green("ok  "), warn: colors.yellow("warn"), fail: colors.red("fail") };
      const states = new Set<string>();
      for (const { name, check } of doctorChecks(options, env, parts)) {
        const { state, text } = await check();
        states.add(state);
        if (options.json) terminal.print(jsonLine({ name, state, text }));
        else terminal.print(`${marks[state]}  ${name.padEnd(9)}  ${plainText(text)}`);
      }
      exit(states.has("fail") ? exitCodes.failed : exitCodes.success);
    });
}
