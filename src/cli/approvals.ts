import { type Command, InvalidArgumentError } from "commander";
import type { PaygentClient } from "../client/index.ts";
import type { Approval, ApprovalRecord } from "../protocol/resources.ts";
import { SpendRule } from "../protocol/spend-rule.ts";
import { askArguments } from "./approval-prompt.ts";
import { everyPage } from "./every-page.ts";
import { exitCodes, UsageError } from "./exit-codes.ts";
import { jsonLine, plainText } from "./plain-text.ts";
import { clientOf, type Env, objectOption, type ServerOptions, usdOption, withServerOptions } from "./server-access.ts";
import { fields, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface DecisionOptions extends ServerOptions {
  readonly reason?: string;
}

interface ApproveOptions extends DecisionOptions {
  readonly remember?: string;
  readonly rememberTotal?: string;
  readonly rememberUntil?: string;
}

interface EditOptions extends DecisionOptions {
  readonly args?: Record<string, unknown>;
}

export function addApprovals(program: Command, env: Env, terminal: Terminal, exit: (code: number) => void): void {
  const approvals = program.command("approvals").description("see and decide what waits for a person");
  withServerOptions(approvals.command("list", { isDefault: true }))
    .description("list the pending requests")
    .action(async (options: ServerOptions) => list(clientOf(options, env), options, terminal));

  withServerOptions(approvals.command("approve"))
    .description("let the call run exactly as it was asked about")
    .argument("<id>", "the request's id")
    .option("--reason <text>", "why")
    .option("--remember <usd>", "from now on let this tool pay this payee up to this much each, unasked", usdOption)
    .option("--remember-total <usd>", "and this much together", usdOption)
    .option("--remember-until <time>", "until this time, such as 2026-12-31T00:00:00Z", timeOption)
    .action(async (id: string, options: ApproveOptions) => {
      const client = clientOf(options, env);
      const remember = await ruleOf(client, id, options);
      const approval = await client.approvals.approve(id, { ...reasonOf(options), ...remember });
      report(approval, options, terminal);
    });

  withServerOptions(approvals.command("show"))
    .description("show a request with its decision, its votes and what the decision was bound to")
    .argument("<id>", "the request's id")
    .action(async (id: string, options: ServerOptions) =>
      show(await clientOf(options, env).approvals.get(id), options, terminal),
    );

  withServerOptions(approvals.command("reject"))
    .description("refuse the call; the agent goes on without it")
    .argument("<id>", "the request's id")
    .option("--reason <text>", "why; the agent is told")
    .action(async (id: string, options: DecisionOptions) =>
      report(await clientOf(options, env).approvals.reject(id, reasonOf(options)), options, terminal),
    );

  withServerOptions(approvals.command("edit"))
    .description("run the call with other arguments")
    .argument("<id>", "the request's id")
    .option("--args <json>", "the whole new arguments (default: asked at the terminal)", objectOption)
    .option("--reason <text>", "why")
    .action(async (id: string, options: EditOptions) => {
      const client = clientOf(options, env);
      const args = options.args ?? (await editAtTerminal(client, id, terminal));
      if (args === undefined) return exit(exitCodes.interrupted);
      const approval = await client.approvals.edit(id, { edited_args: args, ...reasonOf(options) });
      report(approval, options, terminal);
    });
}

async function list(client: PaygentClient, options: ServerOptions, terminal: Terminal): Promise<void> {
  const pending = await everyPage((query) => client.approvals.list({ ...query, status: "pending" }));
  if (options.json) return pending.forEach((approval) => void terminal.print(jsonLine(approval)));
  if (pending.length === 0) return terminal.note("Nothing waits for a decision.");
  const rows = pending.map((approval) => [
    approval.request_id,
    approval.tool_name,
    `${approval.amount} ${approval.currency}`,
    approval.expires_at.slice(0, 16).replace("T", " "),
    approval.payee ?? "",
    approval.reason,
  ]);
  const headings = ["id", "tool", "amount", "expires", "payee", "reason"];
  for (const line of table(headings, rows, terminal.columns, terminal.colors)) terminal.print(line);
}

async function editAtTerminal(
  client: PaygentClient,
  id: string,
  terminal: Terminal,
): Promise<Record<string, unknown> | undefined> {
  if (!terminal.isInteractive) throw new UsageError("Give the new arguments with --args '<json>'.");
  const pending = await everyPage((query) => client.approvals.list({ ...query, status: "pending" }));
  const approval = pending.find(({ request_id }) => request_id === id);
  if (approval === undefined) throw new UsageError(`No pending request has the id ${id}; see \`paygent approvals\`.`);
  const answer = await askArguments(approval.tool_args);
  return answer.kind === "edit" ? answer.args : undefined;
}

/** The rule that `--remember` stands for: calls of the same tool, to the same payee where there is one. */
async function ruleOf(
  client: PaygentClient,
  id: string,
  { remember, rememberTotal, rememberUntil }: ApproveOptions,
): Promise<{ remember?: SpendRule }> {
  if (remember === undefined) {
    if (rememberTotal === undefined && rememberUntil === undefined) return {};
    throw new UsageError("--remember-total and --remember-until go with --remember.");
  }
  const { approval } = await client.approvals.get(id);
  return {
    remember: {
      tool_name: approval.tool_name,
      ...(approval.payee === undefined ? {} : { payee: approval.payee }),
      max_amount: remember,
      ...(rememberTotal === undefined ? {} : { total: rememberTotal }),
      ...(rememberUntil === undefined ? {} : { expires_at: rememberUntil }),
    },
  };
}

function timeOption(text: string): string {
  if (SpendRule.shape.expires_at.safeParse(text).success) return text;
  throw new InvalidArgumentError("Give a time such as 2026-12-31T00:00:00Z.");
}

function show(record: ApprovalRecord, options: ServerOptions, terminal: Terminal): void {
  if (options.json) return terminal.print(jsonLine(record));
  const { approval, bound_hash, bound, decision_policy_version, votes } = record;
  const decided = "decided_at" in approval ? `${approval.decided_at}` : "–";
  const by = "decided_by" in approval && approval.decided_by !== undefined ? ` by ${approval.decided_by}` : "";
  const pairs: [string, string][] = [
    ["request", approval.request_id],
    ["status", approval.status],
    ["decided", `${decided}${by}`],
    ["why asked", `${approval.rule}: ${approval.reason}`],
    ["amount", `${approval.amount} ${approval.currency}`],
    ["payee", `${bound.payee ?? "–"} ${approval.payee_address ?? ""}`.trim()],
    ["policy", `${bound.policy_version}, at the decision ${decision_policy_version ?? "–"}`],
    ["bound hash", bound_hash],
    ...votes.map(({ by: voter, at }): [string, string] => ["vote", `${voter} at ${at}`]),
  ];
  for (const line of fields(pairs, terminal.colors)) terminal.print(line);
}

function reasonOf({ reason }: DecisionOptions): { reason?: string } {
  return reason === undefined ? {} : { reason };
}

function report(approval: Approval, options: ServerOptions, terminal: Terminal): void {
  const { request_id, status, tool_name, amount, currency } = approval;
  if (options.json) terminal.print(jsonLine(approval));
  else terminal.print(plainText(`${request_id} ${status}: ${tool_name} ${amount} ${currency}`));
}
