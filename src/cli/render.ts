import type { ApprovalRequired, Budget, Cost, PlanStep, ServerEvent } from "../protocol/events.ts";
import { frozenNames } from "../protocol/freeze.ts";
import { jsonLines, plainLines, plainText, shorten } from "./plain-text.ts";
import type { Colors } from "./terminal.ts";

export interface RenderStyle {
  readonly colors: Colors;
  readonly columns: number;
  /** Whether every line begins with the time of day. */
  readonly hasTime?: boolean;
  /** Messages whose text was already shown while it was made. */
  readonly streamed?: ReadonlySet<string>;
}

const labelWidth = 10;

/** Columns before an event's text. */
export function indentOf(style: Pick<RenderStyle, "hasTime">): number {
  return 2 + labelWidth + (style.hasTime ? 10 : 0);
}

/** One event as lines for a terminal; none for what only programs need. All text of others is made safe. */
export function renderEvent(event: ServerEvent, style: RenderStyle): string[] {
  const { colors } = style;
  const width = Math.max(30, style.columns - indentOf(style));
  const show = (mark: string, label: string, text: string, more: readonly string[] = []) =>
    block(event.timestamp, mark, label, text, more, style);

  switch (event.type) {
    case "execution_started":
      if ("duplicate" in event.data) return show(colors.dim("="), "known", `already ${plainText(event.data.status)}`);
      return show(
        colors.cyan("▶"),
        event.data.queued ? "queued" : "started",
        colors.bold(plainText(event.data.command)),
      );
    case "thinking": {
      const { step, thought_process, message_id } = event.data;
      // What the agent said beside its calls has been streamed already.
      if (message_id !== undefined && style.streamed?.has(message_id)) return [];
      const steps = colors.dim(`step ${step}`);
      return show(colors.dim("·"), "thinking", steps, thought_process === undefined ? [] : plainLines(thought_process));
    }
    case "plan":
      return show(
        colors.cyan("≡"),
        "plan",
        "",
        event.data.steps.map((step) => planLine(step, colors)),
      );
    case "tool_call":
      return show(
        colors.cyan("→"),
        "call",
        shortenAfter(
          colors.bold(plainText(event.data.tool_name)),
          argsText(event.data.tool_args),
          width,
          event.data.tool_name,
        ),
      );
    case "approval_required":
      return show(colors.yellow("?"), colors.yellow("approval"), approvalTitle(event.data, colors), [
        ...approvalLines(event.data, colors),
        `${colors.dim("id".padEnd(9))} ${plainText(event.data.request_id)}`,
      ]);
    case "approved":
    case "rejected":
    case "edit_approved": {
      const { decision, decided_by, reason, edited_args } = event.data;
      const mark = decision === "rejected" ? colors.red("✗") : colors.green("✓");
      const because = reason === undefined ? "" : `: ${plainText(reason)}`;
      return show(mark, decision, `by ${plainText(decided_by)}${because}`, edited_args ? jsonLines(edited_args) : []);
    }
    case "approval_vote": {
      const { by, reason, approvals, approvals_needed } = event.data;
      const because = reason === undefined ? "" : `: ${plainText(reason)}`;
      return show(colors.green("✓"), "vote", `${approvals} of ${approvals_needed}, by ${plainText(by)}${because}`);
    }
    case "freeze": {
      const { scope, frozen, by, reason } = event.data;
      const what = `payments of ${frozenNames[scope]} ${frozen ? "are frozen" : "are no longer frozen"}`;
      const because = reason === undefined ? "" : `: ${plainText(reason)}`;
      return show(colors.yellow("❄"), colors.yellow("freeze"), `${what}, by ${plainText(by)}${because}`);
    }
    case "approval_expired":
      return show(colors.red("✗"), "expired", "nobody decided in time; the call does not run");
    case "tool_result": {
      const { tool_name, success, result, error, cost, duration_ms } = event.data;
      const facts = [...(cost === undefined ? [] : [costText(cost)]), durationText(duration_ms)].join(", ");
      const title = `${colors.bold(plainText(tool_name))} ${colors.dim(facts)}`;
      return success
        ? show(colors.green("✓"), "result", title, [shorten(valueText(result), width)])
        : show(colors.red("✗"), "result", title, error === undefined ? [] : [colors.red(plainText(error.message))]);
    }
    case "budget":
      return show(colors.dim("$"), "budget", colors.dim(budgetText(event.data)));
    case "subagent_start":
      return show(
        colors.magenta("↳"),
        "agent",
        `${colors.bold(plainText(event.data.subagent_type))} ${shorten(plainText(event.data.task), width)}`,
      );
    case "subagent_end": {
      const { success, duration_ms, error, result } = event.data;
      return show(
        success ? colors.green("↲") : colors.red("↲"),
        "agent",
        `${success ? "done" : "failed"} ${colors.dim(durationText(duration_ms))}`,
        [shorten(plainText(error?.message ?? result), width)],
      );
    }
    case "complete": {
      const { success, total_cost, duration_ms, result, message_id } = event.data;
      const isShown = message_id !== undefined && style.streamed?.has(message_id);
      return show(
        success ? colors.green("✓") : colors.red("✗"),
        success ? colors.green("done") : colors.red("failed"),
        `${plainText(total_cost)} ${colors.dim(durationText(duration_ms))}`,
        isShown ? [] : plainLines(result.text),
      );
    }
    case "cancelled": {
      const { by, reason, released_usd, in_flight } = event.data;
      const because = reason === undefined ? "" : `: ${plainText(reason)}`;
      return show(colors.yellow("■"), colors.yellow("cancelled"), `by ${plainText(by)}${because}`, [
        `${plainText(released_usd)} USD released`,
        ...in_flight.map(({ tool_id, outcome }) => `${plainText(tool_id)} ${outcome.replaceAll("_", " ")}`),
      ]);
    }
    case "error": {
      const { code, message, correlation_id } = event.data;
      const reference = correlation_id === undefined ? [] : [colors.dim(`reference ${plainText(correlation_id)}`)];
      return show(colors.red("✗"), colors.red("error"), `${plainText(message)} ${colors.dim(`(${code})`)}`, reference);
    }
    case "resync":
      return show(colors.yellow("!"), "resync", resyncText(event.data.first_seq));
    case "connected":
    case "text_delta":
    case "pong":
      return [];
  }
}

/** What the request is about, on one line. */
export function approvalTitle(request: ApprovalRequired, colors: Colors): string {
  const amount = `${request.amount} ${plainText(request.currency)}`;
  const payee = request.payee === undefined ? "" : ` to ${plainText(request.payee)}`;
  return `${colors.bold(plainText(request.tool_name))} ${colors.bold(colors.yellow(amount))}${payee}`;
}

/** Everything a person needs to decide; nothing of it is shortened. */
export function approvalLines(request: ApprovalRequired, colors: Colors): string[] {
  const { budget } = request;
  const { payee_address, asset, untrusted, approvals_needed } = request;
  const pairs: [string, string][] = [
    ["reason", plainText(request.reason)],
    ...(approvals_needed === undefined ? [] : [pair("needs", `${approvals_needed} approvals, not of who asked`)]),
    ["cost", `${request.estimated_cost} USD, leaves ${budget.remaining_after} of ${budget.limit}`],
    ...(payee_address === undefined ? [] : [pair("address", `${payee_address}, ${historyText(request)}`)]),
    ...(request.network === undefined ? [] : [pair("network", request.network)]),
    ...(asset === undefined ? [] : [pair("asset", asset)]),
    ...(untrusted?.description === undefined ? [] : [pair("it says", `"${untrusted.description}"`)]),
    ["expires", plainText(request.expires_at)],
  ];
  const [first = "", ...rest] = jsonLines(request.tool_args);
  return [
    ...pairs.map(([name, value]) => `${colors.dim(name.padEnd(9))} ${value}`),
    `${colors.dim("arguments")} ${first}`,
    ...rest.map((line) => `${" ".repeat(10)}${line}`),
  ];
}

function pair(name: string, value: string): [string, string] {
  return [name, plainText(value)];
}

function historyText({ payee_history }: ApprovalRequired): string {
  if (payee_history === undefined) return "never paid before";
  const { payments, total_usd, last_paid_at } = payee_history;
  return `paid ${payments} times before, ${total_usd} USD, last ${last_paid_at.slice(0, 10)}`;
}

export function budgetText({ limit, spent, reserved, remaining }: Budget): string {
  return `${spent} spent, ${reserved} reserved, ${remaining} of ${limit} USD left`;
}

export function durationText(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

function costText({ amount, currency, tx_hash }: Cost): string {
  const tx = tx_hash === undefined ? "" : `, tx ${shorten(plainText(tx_hash), 14)}`;
  return `${amount} ${plainText(currency)}${tx}`;
}

function planLine({ title, status }: PlanStep, colors: Colors): string {
  const text = plainText(title);
  switch (status) {
    case "done":
      return `${colors.green("✓")} ${text}`;
    case "in_progress":
      return `${colors.cyan("▸")} ${colors.bold(text)}`;
    case "skipped":
      return colors.dim(`– ${text}`);
    case "pending":
      return `${colors.dim("○")} ${text}`;
  }
}

function argsText(args: Readonly<Record<string, unknown>>): string {
  return Object.entries(args)
    .map(([name, value]) => `${plainText(name)}=${valueText(value)}`)
    .join(" ");
}

function valueText(value: unknown): string {
  return plainText(typeof value === "string" ? value : (JSON.stringify(value) ?? ""));
}

/** The width counts what is seen, so the coloured head is measured by its plain text. */
function shortenAfter(head: string, text: string, width: number, plainHead: string): string {
  return `${head} ${shorten(text, Math.max(10, width - plainHead.length - 1))}`.trimEnd();
}

function block(
  timestamp: string,
  mark: string,
  label: string,
  text: string,
  more: readonly string[],
  style: RenderStyle,
): string[] {
  const { colors, hasTime } = style;
  const time = hasTime ? `${colors.dim(timestamp.slice(11, 19))}  ` : "";
  const padding = " ".repeat(Math.max(1, labelWidth - stripped(label).length));
  const indent = " ".repeat(indentOf(style));
  return [`${time}${mark} ${label}${padding}${text}`.trimEnd(), ...more.filter(Boolean).map((line) => indent + line)];
}

function stripped(label: string): string {
  return plainText(label);
}

function resyncText(firstSeq: number): string {
  if (firstSeq === 1) return "the log is shown afresh from its beginning";
  return `events 1 to ${firstSeq - 1} are in the server's archive; going on from ${firstSeq}`;
}
