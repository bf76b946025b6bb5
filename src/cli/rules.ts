import type { Command } from "commander";
import type { PaygentClient } from "../client/index.ts";
import { jsonLine, plainText } from "./plain-text.ts";
import { clientOf, type Env, type ServerOptions, withServerOptions } from "./server-access.ts";
import { table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export function addRules(program: Command, env: Env, terminal: Terminal): void {
  const rules = program.command("rules").description("see and revoke what approvals with --remember left behind");
  withServerOptions(rules.command("list"))
    .description("list a session's spend rules with what they have let through")
    .argument("<session>", "the session's id")
    .action(async (session: string, options: ServerOptions) =>
      list(clientOf(options, env), session, options, terminal),
    );

  withServerOptions(rules.command("revoke"))
    .description("let nothing more through by a rule")
    .argument("<id>", "the rule's id")
    .action(async (id: string, options: ServerOptions) => {
      await clientOf(options, env).spendRules.revoke(id);
      if (options.json) terminal.print(jsonLine({ id, revoked: true }));
      else terminal.print(plainText(`${id} revoked`));
    });
}

async function list(client: PaygentClient, session: string, options: ServerOptions, terminal: Terminal): Promise<void> {
  const { data } = await client.spendRules.list(session);
  if (options.json) return data.forEach((rule) => void terminal.print(jsonLine(rule)));
  if (data.length === 0)
    return terminal.note("No rules; `paygent approvals approve <id> --remember <usd>` leaves one.");
  const rows = data.map(({ id, tool_name, payee, max_amount, used, total, expires_at, revoked_at }) => [
    id,
    tool_name,
    payee ?? "anybody",
    max_amount,
    `${used} of ${total ?? "any"}`,
    revoked_at === undefined ? (expires_at?.slice(0, 16).replace("T", " ") ?? "") : "revoked",
  ]);
  const headings = ["id", "tool", "payee", "each USD", "used USD", "until"];
  for (const line of table(headings, rows, terminal.columns, terminal.colors)) terminal.print(line);
}
