import type { CallView } from "../../react/index.ts";
import { duration, timeOfDay } from "../format.ts";
import { argsLine, plainText } from "../plain-text.ts";
import { JsonBlock } from "./json-block.tsx";
import { Receipt } from "./receipt.tsx";
import { StatusWord } from "./status-word.tsx";

/** A tool call: one line, unfolded on request, with the receipt when it paid. */
export function CallEntry({
  call,
  isOpen,
  onToggle,
}: {
  readonly call: CallView;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}) {
  const args = call.decision?.editedArgs ?? call.args;
  return (
    <div>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={onToggle}
        className="flex w-full flex-wrap items-baseline gap-x-3 text-left"
      >
        <span aria-hidden="true" className="-mr-2 w-3 text-soft">
          {isOpen ? "▾" : "▸"}
        </span>
        <span className="font-mono font-semibold text-[13px]">{plainText(call.toolName)}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-[13px] text-soft">{argsLine(args)}</span>
        {call.durationMs === undefined ? null : (
          <span className="text-soft text-xs tabular-nums">{duration(call.durationMs)}</span>
        )}
        <StatusWord status={call.status} />
      </button>
      {call.votes?.map(({ by, at, approvals, needed, reason }) => (
        <p key={by} className="text-soft">
          {plainText(by)} approved at {timeOfDay(at)} ({approvals} of {needed})
          {reason === undefined ? "." : `: ${plainText(reason)}`}
        </p>
      ))}
      <Decided call={call} />
      {call.error === undefined ? null : <p className="text-bad">{plainText(call.error.message)}</p>}
      {call.cost === undefined ? null : <Receipt cost={call.cost} payee={payeeOf(call)} />}
      {isOpen ? (
        <>
          <JsonBlock label="Arguments" value={args} />
          {call.decision?.editedArgs === undefined ? null : <JsonBlock label="Asked for" value={call.args} />}
          {call.result === undefined || call.result === null ? null : <JsonBlock label="Result" value={call.result} />}
        </>
      ) : null}
    </div>
  );
}

function Decided({ call: { decision } }: { readonly call: CallView }) {
  if (decision === undefined) return null;
  if (decision.decision === "expired") return <p className="text-soft">Nobody decided in time.</p>;
  const words = { approved: "Approved", rejected: "Rejected", edited: "Edited and approved" } as const;
  return (
    <p className="text-soft">
      {words[decision.decision]} by {plainText(decision.decidedBy ?? "")} at {timeOfDay(decision.decidedAt)}
      {decision.reason === undefined ? "." : `: ${plainText(decision.reason)}`}
    </p>
  );
}

function payeeOf({ approval, decision, args }: CallView): string {
  const { service, to } = decision?.editedArgs ?? args;
  const named = [service, to].find((name) => typeof name === "string");
  return typeof named === "string" ? named : (approval?.payee ?? "the service");
}
