import { type Command, InvalidArgumentError } from "commander";
import type { PaygentClient, PaymentQuery, StatementQuery } from "../client/index.ts";
import { PaymentState, type StatementTotal } from "../protocol/payment-info.ts";
import { statementCsv } from "../protocol/statement-csv.ts";
import { everyPage } from "./every-page.ts";
import { jsonLine } from "./plain-text.ts";
import { clientOf, countOption, type Env, type ServerOptions, withServerOptions } from "./server-access.ts";
import { fields, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface PeriodOptions extends ServerOptions {
  readonly from?: string;
  readonly to?: string;
}

interface ListOptions extends PeriodOptions {
  readonly limit: number;
  readonly session?: string;
  readonly execution?: string;
  readonly state?: PaymentState;
  readonly payee?: string;
}

export function addPayments(program: Command, env: Env, terminal: Terminal): void {
  const payments = program.command("payments").description("see what was paid, and what became of it");
  withPeriod(withServerOptions(payments.command("list", { isDefault: true })))
    .description("list payments, newest first")
    .option("--session <id>", "of this session only")
    .option("--execution <id>", "of this execution only")
    .option("--state <state>", `only those that are ${PaymentState.options.join(", ")}`, stateOption)
    .option("--payee <name>", "only to this name or address")
    .option("--limit <count>", "at most this many", countOption, 50)
    .action(async (options: ListOptions) => list(clientOf(options, env), options, terminal));

  withServerOptions(payments.command("show"))
    .description("show a payment's terms, what happened when, and its receipt")
    .argument("<id>", "the payment's id")
    .action(async (id: string, options: ServerOptions) => show(clientOf(options, env), id, options, terminal));

  withPeriod(withServerOptions(payments.command("statement")))
    .description("print what a session paid in a period, with totals")
    .argument("<session>", "the session's id")
    .option("--csv", "print CSV for spreadsheets")
    .action(async (session: string, options: PeriodOptions & { csv?: boolean }) =>
      statement(clientOf(options, env), session, options, terminal),
    );
}

function withPeriod(command: Command): Command {
  return command
    .option("--from <time>", "from this time on, such as 2026-01-31 or 2026-01-31T12:00:00Z", timeOption)
    .option("--to <time>", "before this time", timeOption);
}

/** Dates are those of UTC, as budgets of a day are. */
function timeOption(text: string): string {
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text);
  if (!isTime || Number.isNaN(Date.parse(text))) {
    throw new InvalidArgumentError("Give a date or a time in UTC, such as 2026-01-31 or 2026-01-31T12:00:00Z.");
  }
  return new Date(text).toISOString();
}

function stateOption(text: string): PaymentState {
  const state = PaymentState.safeParse(text);
  if (!state.success) throw new InvalidArgumentError(`Give one of ${PaymentState.options.join(", ")}.`);
  return state.data;
}

function periodOf({ from, to }: PeriodOptions): Pick<StatementQuery, "from" | "to"> {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

async function list(client: PaygentClient, options: ListOptions, terminal: Terminal): Promise<void> {
  const { session, execution, state, payee } = options;
  const filter: PaymentQuery = {
    ...periodOf(options),
    ...(session === undefined ? {} : { session_id: session }),
    ...(execution === undefined ? {} : { execution_id: execution }),
    ...(state === undefined ? {} : { state }),
    ...(payee === undefined ? {} : { payee }),
  };
  const found = await everyPage((query) => client.payments.list({ ...filter, ...query }), options.limit);
  if (options.json) return found.forEach((payment) => void terminal.print(jsonLine(payment)));
  if (found.length === 0) return terminal.note("No payments.");
  const rows = found.map((payment) => [
    payment.payment_id,
    payment.state,
    payment.content ?? "",
    `${payment.amount} ${payment.currency}`,
    payment.quoted_at.slice(0, 19).replace("T", " "),
    payment.payee,
  ]);
  const headings = ["id", "state", "content", "amount", "quoted", "payee"];
  for (const line of table(headings, rows, terminal.columns, terminal.colors)) terminal.print(line);
}

async function show(client: PaygentClient, id: string, options: ServerOptions, terminal: Terminal): Promise<void> {
  const payment = await client.payments.get(id);
  if (options.json) return terminal.print(jsonLine(payment));
  const { terms, receipt } = payment;
  const facts: [string, string][] = [
    ["payment", payment.payment_id],
    ["state", payment.state],
    ["content", payment.content ?? "–"],
    ["amount", `${payment.amount} ${payment.currency}`],
    ["payee", payment.payee],
    ["address", payment.pay_to],
    ["for", terms.url === undefined ? terms.kind : `${terms.method} ${terms.url}`],
    ["network", payment.network],
    ["session", payment.session_id],
    ["execution", payment.execution_id],
  ];
  if (receipt !== undefined) {
    facts.push(["transaction", receipt.tx_hash], ["block", receipt.block]);
    facts.push(["payer", receipt.payer], ["nonce", receipt.nonce]);
  }
  const timeline = payment.timeline.map(({ state, at }): [string, string] => [state, at]);
  for (const line of fields(facts, terminal.colors)) terminal.print(line);
  terminal.print("");
  for (const line of fields(timeline, terminal.colors)) terminal.print(line);
}

async function statement(
  client: PaygentClient,
  session: string,
  options: PeriodOptions & { readonly csv?: boolean },
  terminal: Terminal,
): Promise<void> {
  const found = await client.payments.statement({ session_id: session, ...periodOf(options) });
  if (options.json) return terminal.print(jsonLine(found));
  if (options.csv) return terminal.write(statementCsv(found));
  const rows = found.payments.map((payment) => [
    (payment.ended_at ?? payment.quoted_at).slice(0, 19).replace("T", " "),
    payment.state,
    payment.content ?? "",
    `${payment.amount} ${payment.currency}`,
    payment.payee,
  ]);
  for (const line of table(["time", "state", "content", "amount", "payee"], rows, terminal.columns, terminal.colors)) {
    terminal.print(line);
  }
  terminal.print("");
  const totals = [...found.settled.map(totalOf("settled")), ...found.pending.map(totalOf("pending"))];
  const lines = totals.length === 0 ? [["settled", "nothing"] as const] : totals;
  for (const line of fields(lines, terminal.colors)) terminal.print(line);
}

function totalOf(name: string) {
  return ({ amount, currency, network, payments }: StatementTotal) =>
    [name, `${amount} ${currency} on ${network} in ${payments} ${payments === 1 ? "payment" : "payments"}`] as const;
}
