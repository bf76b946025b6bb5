import { PaygentError } from "../../protocol/errors.ts";
import type { Approval } from "../../protocol/resources.ts";
import { dateAndTime } from "../format.ts";
import { plainText } from "../plain-text.ts";

/** Refusals that say the request is over. */
const over: ReadonlySet<string> = new Set(["approval_expired", "execution_ended"]);

/** Says that somebody else decided what stood here. */
export function fasterSentence(decision: string, by: string, at: string): string {
  return plainText(`Somebody was faster: already ${decision} by ${by} at ${dateAndTime(at)}.`);
}

/** What became of a request that left the list; undefined while it waits. */
export function endSentence(approval: Approval): string | undefined {
  switch (approval.status) {
    case "pending":
      return undefined;
    case "approved":
    case "rejected":
    case "edited":
      return fasterSentence(approval.status, approval.decided_by, approval.decided_at);
    case "expired":
      return plainText(`Nobody decided about ${approval.tool_name} in time; the request expired.`);
    case "cancelled":
      return plainText(`The request of ${approval.tool_name} is void: its execution has ended.`);
  }
}

/** What to say when a decision came too late; undefined when it failed for another reason and may be tried again. */
export function lateSentence(error: unknown): string | undefined {
  if (!(error instanceof PaygentError)) return undefined;
  if (over.has(error.code)) return plainText(error.message);
  if (error.code !== "already_decided") return undefined;
  const { decided_by: by, decided_at: at, decision, still_pending: isPending } = error.details ?? {};
  if (isPending === true) return undefined;
  if (typeof by !== "string" || typeof at !== "string") return plainText(error.message);
  return fasterSentence(String(decision), by, at);
}
