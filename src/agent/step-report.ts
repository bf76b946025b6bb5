import type { CommandStep } from "./grammar.ts";

/** What came of a step: its call's result as the conversation holds it, or why there was no call. */
export interface StepOutcome {
  readonly step: CommandStep;
  readonly success: boolean;
  readonly result: unknown;
}

interface ReportedStep extends Omit<CommandStep, "args"> {
  readonly args: Readonly<Record<string, unknown>>;
}

/** The sentence that tells a person what came of one step. */
export function reportStep(outcome: StepOutcome): string {
  if (!outcome.success) return `Not done: ${sentence(outcome.step.title)} ${failure(outcome.result)}`;
  const ranWith = recordOf(valueAt(outcome.result, "ran_with"));
  if (!ranWith) return successOf(outcome.step, outcome.result);
  // The step was asked for with other arguments than those that ran.
  const step = { ...outcome.step, args: { ...outcome.step.args, ...ranWith } };
  return `${successOf(step, valueAt(outcome.result, "result"))} (A human changed this call.)`;
}

/** What a service or page said, for a summary: one line of at most `length` characters. */
export function excerpt(result: unknown, length: number): string {
  const inner = recordOf(valueAt(result, "ran_with")) ? valueAt(result, "result") : result;
  const body = valueAt(inner, "body") ?? valueAt(valueAt(inner, "response"), "body");
  if (body === undefined) return "";
  return clip(typeof body === "string" ? body : JSON.stringify(body), length);
}

function successOf(step: ReportedStep, result: unknown): string {
  switch (step.tool) {
    case "pay_service":
    case "transfer":
      return reportPayment(step, result);
    case "check_balance":
      return reportBalance(result);
    case "discover_services":
      return reportServices(result);
    case "fetch_url":
      return `Fetched ${step.args.url}: HTTP ${valueAt(result, "status") ?? "?"}. ${excerpt(result, 400)}`.trimEnd();
    case "wait":
      return `Waited ${valueAt(result, "waited_seconds") ?? step.args.seconds} seconds.`;
    case "ask_user":
      return `You answered: ${spoken(result)}`;
    case "delegate":
      return spoken(result);
    default:
      return `Done: ${sentence(step.title)}`;
  }
}

function reportPayment(step: ReportedStep, result: unknown): string {
  const payment = valueAt(result, "payment");
  const payee = textAt(payment, "payee") ?? `${step.args.service ?? step.args.to ?? "The service"}`;
  const amount = textAt(payment, "amount");
  const said = excerpt(result, 400);
  const answer = said === "" ? "" : ` It answered: ${said}`;
  if (amount === undefined) return `${payee} was used and asked for no money.${answer}`;
  const hash = textAt(payment, "tx_hash");
  const transaction = hash === undefined ? "" : ` (transaction ${hash})`;
  return `Paid ${amount} ${textAt(payment, "currency") ?? ""} to ${payee}${transaction}.${answer}`;
}

function reportBalance(result: unknown): string {
  const budget = recordOf(valueAt(result, "budget"));
  const left = textAt(budget, "remaining");
  const purse = `The wallet holds ${valueAt(result, "amount") ?? "?"} ${valueAt(result, "currency") ?? ""}`.trimEnd();
  return left === undefined
    ? `${purse}.`
    : `${purse}; ${left} USD of this session's budget of ${textAt(budget, "limit") ?? "?"} USD is left.`;
}

function reportServices(result: unknown): string {
  const services = valueAt(result, "services");
  if (!Array.isArray(services) || services.length === 0) return "No service was found.";
  const lines = services.map((service: unknown) => {
    const price = `${valueAt(service, "price") ?? "?"} ${valueAt(service, "currency") ?? ""}`.trimEnd();
    return `\n- ${valueAt(service, "name") ?? "?"} (${price}): ${valueAt(service, "description") ?? ""}`.trimEnd();
  });
  return `Found ${services.length === 1 ? "one service" : `${services.length} services`}:${lines.join("")}`;
}

function failure(result: unknown): string {
  const error = recordOf(valueAt(result, "error"));
  return textAt(error, "message") ?? textAt(error, "code") ?? "It gave no result.";
}

function spoken(result: unknown): string {
  if (typeof result === "string") return result;
  return (
    textAt(result, "answer") ??
    textAt(result, "text") ??
    textAt(result, "result") ??
    clip(JSON.stringify(result) ?? "", 400)
  );
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  // An object that is no array can be read by key, whatever it holds.
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function valueAt(value: unknown, key: string): unknown {
  return recordOf(value)?.[key];
}

function textAt(value: unknown, key: string): string | undefined {
  const found = valueAt(value, key);
  return typeof found === "string" && found !== "" ? found : undefined;
}

function clip(text: string, length: number): string {
  const line = text
    .slice(0, length * 2)
    .replace(/\s+/g, " ")
    .trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
