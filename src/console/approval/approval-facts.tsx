import type { ReactNode } from "react";
import type { ApprovalRequired } from "../../protocol/events.ts";
import { countdown } from "../format.ts";
import { useNow } from "../parts/use-now.ts";
import { argsLine, plainText } from "../plain-text.ts";

/** Everything that a person needs to decide; fields that a newer server adds are shown when they are there. */
export function ApprovalFacts({ request }: { readonly request: ApprovalRequired }) {
  const { tool_name: tool, tool_args: args, budget } = request;
  const isFree = Number(request.amount) === 0;
  const more = moreFacts(request);
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2 className="text-base">
          {tool === "ask_user" ? (
            <strong className="font-semibold">{plainText(`${args.question ?? "The agent asks you."}`)}</strong>
          ) : isFree ? (
            <>
              Run <strong className="font-mono font-semibold">{plainText(tool)}</strong>?
            </>
          ) : (
            <>
              Pay{" "}
              <strong className="font-semibold tabular-nums">
                {request.amount} {plainText(request.currency)}
              </strong>
              {request.payee === undefined ? "" : " to "}
              <strong className="font-semibold">{plainText(request.payee ?? "")}</strong>?
            </>
          )}
        </h2>
        <Countdown until={request.expires_at} />
      </div>
      <p>{plainText(request.reason)}</p>
      <dl className="mt-2 grid gap-x-4 gap-y-0.5 text-[13px] sm:grid-cols-[7rem_1fr]">
        {tool === "ask_user" ? null : (
          <Fact name="Call">
            <code className="font-mono">
              {plainText(tool)} {argsLine(args)}
            </code>
          </Fact>
        )}
        {isFree ? null : (
          <Fact name="Budget after">
            <span className="tabular-nums">
              {budget.remaining_after} of {budget.limit} USD left
            </span>
          </Fact>
        )}
        {request.network === undefined ? null : <Fact name="Network">{plainText(request.network)}</Fact>}
        {more.map(([name, text]) => (
          <Fact key={name} name={name}>
            {plainText(text)}
          </Fact>
        ))}
      </dl>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="contents">
      <dt className="text-soft">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </div>
  );
}

function Countdown({ until }: { readonly until: string }) {
  const left = Date.parse(until) - useNow();
  return (
    <span className="text-soft text-xs tabular-nums">{left <= 0 ? "expired" : `expires in ${countdown(left)}`}</span>
  );
}

/** Optional fields by what they are called on the card. */
function moreFacts(request: ApprovalRequired): [string, string][] {
  // A newer server may send more than this version's schema names.
  const fields = request as Readonly<Record<string, unknown>>;
  const { untrusted } = fields;
  const described =
    typeof untrusted === "object" && untrusted !== null
      ? (untrusted as Record<string, unknown>).description
      : undefined;
  const found: [string, unknown][] = [
    ["Address", fields.payee_address],
    ["Asset", fields.asset],
    ["Fee", fields.fee],
    ["Quote until", fields.quote_expires_at],
    ["Paid before", fields.payee_paid_before === undefined ? undefined : fields.payee_paid_before ? "yes" : "never"],
    ["Rule", fields.rule],
    ["The service says", described],
  ];
  return found.flatMap(([name, value]) => (typeof value === "string" && value !== "" ? [[name, value]] : []));
}
