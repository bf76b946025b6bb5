import { useCallback, useEffect } from "react";
import type { ApprovalRequired } from "../../protocol/events.ts";
import { usePaygent } from "../../react/index.ts";
import { timeOfDay } from "../format.ts";
import { plainText } from "../plain-text.ts";
import { useLoaded } from "../use-loaded.ts";

const refreshMs = 3000;

/** How many must approve, and who has. Another `turn` reads it again at once. */
export function Votes({
  request,
  needed,
  turn,
}: {
  readonly request: ApprovalRequired;
  readonly needed: number;
  readonly turn: number;
}) {
  const client = usePaygent();
  const { request_id: id } = request;
  const [record, again] = useLoaded(useCallback(() => client.approvals.get(id), [client, id]));
  // biome-ignore lint/correctness/useExhaustiveDependencies: every turn reads again.
  useEffect(again, [again, turn]);
  useEffect(() => {
    const timer = setInterval(again, refreshMs);
    return () => clearInterval(timer);
  }, [again]);
  const votes = record.state === "ready" ? record.value.votes : [];
  return (
    <section aria-label="Votes" className="mt-2 border-line border-l-2 pl-3">
      <p>
        Needs the approval of <strong className="font-semibold">{needed} people</strong>, whoever gave the command not
        among them; one rejection refuses.{" "}
        {record.state === "ready" ? (
          <span className="tabular-nums">
            {votes.length} of {needed} so far{votes.length === 0 ? "." : ":"}
          </span>
        ) : null}
      </p>
      <ul>
        {votes.map(({ by, at, reason }) => (
          <li key={by}>
            <span aria-hidden="true" className="text-good">
              ✓
            </span>{" "}
            {plainText(by)} at {timeOfDay(at)}
            {reason === undefined ? "" : `: ${plainText(reason)}`}
          </li>
        ))}
      </ul>
    </section>
  );
}
