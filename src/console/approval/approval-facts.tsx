import type { ApprovalRequired } from "../../protocol/events.ts";
import { dateAndTime } from "../format.ts";
import { argsLine, plainText } from "../plain-text.ts";
import { Countdown } from "./countdown.tsx";

/** Everything that a person needs to decide. */
export function ApprovalFacts({ request }: { readonly request: ApprovalRequired }) {
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2 className="text-base">
          <Headline request={request} />
        </h2>
        <Countdown until={request.expires_at} />
      </div>
      <p>{plainText(request.reason)}</p>
      <dl className="mt-2 grid grid-cols-[5.5rem_minmax(0,1fr)] gap-x-3 gap-y-0.5 text-[13px] sm:grid-cols-[7rem_minmax(0,1fr)]">
        {factsOf(request).map(({ name, text, look }) => (
          <div key={name} className="contents">
            <dt className="text-soft">{name}</dt>
            <dd className={look}>{plainText(text)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Headline({ request }: { readonly request: ApprovalRequired }) {
  const { tool_name: tool, tool_args: args, amount, currency, payee } = request;
  if (tool === "ask_user") {
    const question = typeof args.question === "string" ? args.question : "The agent asks you.";
    return <strong className="font-semibold">{plainText(question)}</strong>;
  }
  if (isFree(request)) {
    return (
      <>
        Run <strong className="font-mono font-semibold">{plainText(tool)}</strong>?
      </>
    );
  }
  return (
    <>
      Pay{" "}
      <strong className="font-semibold tabular-nums">
        {amount} {plainText(currency)}
      </strong>
      {payee === undefined ? "" : " to "}
      <strong className="font-semibold">{plainText(payee ?? "")}</strong>?
    </>
  );
}

interface Fact {
  readonly name: string;
  readonly text: string;
  readonly look: string;
}

function factsOf(request: ApprovalRequired): Fact[] {
  const { budget, untrusted, currency } = request;
  const facts: Fact[] = [];
  const add = (name: string, text: string | undefined, look = "") => {
    if (text !== undefined && text !== "") facts.push({ name, text, look });
  };
  if (request.tool_name !== "ask_user") {
    add("Call", `${request.tool_name} ${argsLine(request.tool_args)}`, "font-mono");
  }
  if (!isFree(request)) {
    const { remaining_before: before, remaining_after: after, limit } = budget;
    add("Budget", `${before} left now, ${after} left afterwards, of ${limit} USD`, "tabular-nums");
    if (Number(request.fee) !== 0) add("Fee", `${request.fee} ${currency} on top`);
    if (request.estimated_cost !== request.amount) add("Counts as", `${request.estimated_cost} USD`);
    add("Paid before", paidBefore(request), request.payee_paid_before === false ? "font-semibold text-warn" : "");
  }
  if (untrusted?.description !== undefined) add("It says of itself", `“${untrusted.description}”`, "italic");
  add("Resource", request.resource, "font-mono text-xs");
  add("Address", request.payee_address, "font-mono text-xs");
  add("Asset", request.asset, "font-mono text-xs");
  add("Network", request.network, "font-mono text-xs");
  if (request.quote_expires_at !== undefined) add("Price until", dateAndTime(request.quote_expires_at));
  if (request.tool_name !== "ask_user") add("Rule", `${request.rule}, version ${request.policy_version} of the policy`);
  return facts;
}

function paidBefore({ payee_paid_before: isKnown, payee_history: history }: ApprovalRequired): string | undefined {
  if (isKnown === undefined) return undefined;
  if (!isKnown) return "never";
  if (history === undefined) return "yes";
  const { payments, total_usd: total, last_paid_at: last } = history;
  const times = payments === 1 ? "once" : `${payments} times`;
  return `${times}, ${total} USD together, last ${dateAndTime(last)}`;
}

function isFree({ amount }: ApprovalRequired): boolean {
  return Number(amount) === 0;
}
