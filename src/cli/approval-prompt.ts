import { isCancel, log, select, text } from "@clack/prompts";
import type { ApprovalRequired } from "../protocol/events.ts";
import { jsonLine, plainText } from "./plain-text.ts";
import { approvalLines, approvalTitle } from "./render.ts";
import { parseObject } from "./server-access.ts";
import type { Terminal } from "./terminal.ts";

/** What a person answers to an approval request. */
export type Answer =
  | { readonly kind: "approve"; readonly reason?: string }
  | { readonly kind: "reject"; readonly reason?: string }
  | { readonly kind: "edit"; readonly args: Record<string, unknown> }
  | { readonly kind: "interrupted" };

/**
 * Asks for a decision. The signal takes the question off the screen when it was decided elsewhere; that and
 * Ctrl-C answer `interrupted`.
 */
export async function askApproval(request: ApprovalRequired, terminal: Terminal, signal: AbortSignal): Promise<Answer> {
  if (request.tool_name === "ask_user") return askQuestion(request, signal);
  const { colors } = terminal;
  const message = [approvalTitle(request, colors), ...approvalLines(request, colors)].join("\n");
  const choice = await select({
    message,
    signal,
    options: [
      { value: "approve", label: "Approve", hint: "run the call exactly as shown" },
      { value: "edit", label: "Edit", hint: "change its arguments, then run it" },
      { value: "reject", label: "Reject", hint: "the call never runs" },
    ],
  });
  if (isCancel(choice)) return { kind: "interrupted" };
  if (choice === "approve") return { kind: "approve" };
  if (choice === "edit") return askArguments(request.tool_args, signal);
  const reason = await text({ message: "Why? The agent is told.", placeholder: "no reason", signal });
  if (isCancel(reason)) return { kind: "interrupted" };
  return reason ? { kind: "reject", reason } : { kind: "reject" };
}

/** Asks for new arguments, starting from the old ones. */
export async function askArguments(args: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<Answer> {
  const answer = await text({
    message: "The call's new arguments, as JSON",
    initialValue: jsonLine(args),
    validate: (value) => (parseObject(value ?? "") === undefined ? "This is not a JSON object." : undefined),
    ...(signal === undefined ? {} : { signal }),
  });
  const edited = isCancel(answer) ? undefined : parseObject(answer);
  return edited === undefined ? { kind: "interrupted" } : { kind: "edit", args: edited };
}

/** The agent's own question: the reason given with the approval is its answer. */
async function askQuestion(request: ApprovalRequired, signal: AbortSignal): Promise<Answer> {
  const question = request.tool_args.question;
  const answer = await text({
    message: plainText(typeof question === "string" ? question : request.reason),
    placeholder: "leave empty to refuse an answer",
    signal,
  });
  if (isCancel(answer)) return { kind: "interrupted" };
  return answer ? { kind: "approve", reason: answer } : { kind: "reject", reason: "No answer was given." };
}

export function showRefusal(message: string): void {
  log.error(plainText(message));
}
