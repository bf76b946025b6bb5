import { confirm } from "@clack/prompts";
import type { Command } from "commander";
import type { PaygentClient } from "../client/index.ts";
import type { Session } from "../protocol/resources.ts";
import { SessionConfig } from "../protocol/session-config.ts";
import { everyPage } from "./every-page.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";
import { jsonLine, shorten } from "./plain-text.ts";
import { budgetText } from "./render.ts";
import {
  clientOf,
  countOption,
  type Env,
  objectOption,
  type ServerOptions,
  usdOption,
  withServerOptions,
} from "./server-access.ts";
import { fields, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface CreateOptions extends ServerOptions {
  readonly title?: string;
  readonly budget?: string;
  readonly config?: Record<string, unknown>;
}

export function addSessions(program: Command, env: Env, terminal: Terminal, exit: (code: number) => void): void {
  const sessions = program.command("sessions").description("list, create, show and delete sessions");
  withServerOptions(sessions.command("list", { isDefault: true }))
    .description("list your sessions")
    .option("--limit <count>", "at most this many", countOption, 50)
    .action(async (options: ServerOptions & { limit: number }) => list(clientOf(options, env), options, terminal));

  withServerOptions(sessions.command("create"))
    .description("create a session and print its id")
    .option("--title <text>", "what it is called")
    .option("--budget <usd>", "what it may spend in all", usdOption)
    .option("--config <json>", "its settings, see PROTOCOL.md", objectOption)
    .action(async (options: CreateOptions) => create(clientOf(options, env), options, terminal));

  withServerOptions(sessions.command("show"))
    .description("show a session and its executions")
    .argument("<id>", "the session's id")
    .action(async (id: string, options: ServerOptions) => show(clientOf(options, env), id, options, terminal));

  withServerOptions(sessions.command("delete"))
    .description("end a session: what runs in it is cancelled")
    .argument("<id>", "the session's id")
    .option("--yes", "do not ask")
    .action(async (id: string, options: ServerOptions & { yes?: boolean }) => {
      if (!options.yes && !terminal.isInteractive) throw new UsageError("Give --yes to delete without being asked.");
      if (!options.yes && (await confirm({ message: `End session ${id}?`, initialValue: false })) !== true) {
        return exit(exitCodes.interrupted);
      }
      await clientOf(options, env).sessions.delete(id);
      if (options.json) terminal.print(jsonLine({ id, status: "terminated" }));
      else terminal.print(`${id} terminated`);
    });
}

async function list(
  client: PaygentClient,
  options: ServerOptions & { readonly limit: number },
  terminal: Terminal,
): Promise<void> {
  const sessions = await everyPage((query) => client.sessions.list(query), options.limit);
  if (options.json) return sessions.forEach((session) => void terminal.print(jsonLine(session)));
  if (sessions.length === 0) return terminal.note("No sessions yet; make one with `paygent sessions create`.");
  const rows = sessions.map(({ id, status, budget, created_at, title }) => [
    id,
    status,
    `${budget.spent} of ${budget.limit}`,
    created_at.slice(0, 16).replace("T", " "),
    title ?? "",
  ]);
  const headings = ["id", "status", "spent USD", "created", "title"];
  for (const line of table(headings, rows, terminal.columns, terminal.colors)) terminal.print(line);
}

async function create(client: PaygentClient, options: CreateOptions, terminal: Terminal): Promise<void> {
  const given = { ...options.config, ...(options.budget === undefined ? {} : { budget_usd: options.budget }) };
  const config = SessionConfig.safeParse(given);
  if (!config.success) {
    const [issue] = config.error.issues;
    throw new UsageError(`The session's config is wrong at "${issue?.path.join(".")}": ${issue?.message}.`);
  }
  // What was given, not what was read from it: defaults are the server's to fill in.
  const session = await client.sessions.create({
    ...(options.title === undefined ? {} : { title: options.title }),
    config: given,
  });
  terminal.print(options.json ? jsonLine(session) : session.id);
}

async function show(client: PaygentClient, id: string, options: ServerOptions, terminal: Terminal): Promise<void> {
  const { colors, columns } = terminal;
  const session = await client.sessions.get(id);
  const executions = await everyPage((query) => client.executions.list(id, query), 50);
  if (options.json) return terminal.print(jsonLine({ ...session, executions }));
  const facts = fields(
    [
      ["session", session.id],
      ["title", session.title ?? "–"],
      ["status", session.status],
      ["created", session.created_at],
      ["events", eventsText(session)],
      ["budget", budgetText(session.budget)],
      ["asks above", `${session.config.approval_threshold_usd} USD`],
      ["model", session.config.model ?? "the server's"],
    ],
    colors,
  );
  const rows = executions.map(({ execution_id, status, total_cost_usd, command }) => [
    execution_id,
    status,
    `${total_cost_usd} USD`,
    shorten(command, 200),
  ]);
  const lines =
    rows.length === 0 ? [] : ["", ...table(["execution", "status", "cost", "command"], rows, columns, colors)];
  for (const line of [...facts, ...lines]) terminal.print(line);
}

function eventsText({ first_seq = 1, last_seq }: Session): string {
  return first_seq === 1 ? `${last_seq}` : `${last_seq}, the first ${first_seq - 1} of them in the server's archive`;
}
