import { lazy, Suspense, useState } from "react";
import { PaygentError } from "../../protocol/errors.ts";
import type { ApprovalRequired } from "../../protocol/events.ts";
import { dateAndTime, messageOf } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { plainText } from "../plain-text.ts";
import { ApprovalFacts } from "./approval-facts.tsx";
import type { Decide } from "./decide.ts";
import { Remember } from "./remember.tsx";

const EditForm = lazy(async () => ({ default: (await import("./edit-form.tsx")).EditForm }));

type Mode = "look" | "reject" | "edit" | "remember";

/** A request that waits for a decision. `onLost` is told in a sentence when it was too late. */
export function ApprovalCard({
  request,
  decide,
  onLost,
}: {
  readonly request: ApprovalRequired;
  readonly decide: Decide;
  readonly onLost: (sentence: string) => void;
}) {
  const [mode, setMode] = useState<Mode>("look");
  const [reason, setReason] = useState("");
  const [isSending, setIsSending] = useState(false);
  const [failure, setFailure] = useState<string>();
  const { request_id: id, tool_name: tool } = request;
  const isQuestion = tool === "ask_user";

  const send = async (decision: Promise<unknown>) => {
    setIsSending(true);
    setFailure(undefined);
    try {
      await decision;
    } catch (error) {
      setIsSending(false);
      if (error instanceof PaygentError && lost.has(error.code)) onLost(lostSentence(error));
      else setFailure(messageOf(error));
    }
  };
  const withReason = reason.trim() === "" ? {} : { reason: reason.trim() };

  return (
    <section
      data-card=""
      tabIndex={-1}
      aria-label={isQuestion ? "Question" : `Approval of ${tool}`}
      className="rounded-lg border border-warn bg-warn-panel p-3 sm:p-4"
    >
      <ApprovalFacts request={request} />
      {failure === undefined ? null : (
        <div className="mt-3">
          <Notice look="bad">{plainText(failure)}</Notice>
        </div>
      )}
      {mode === "edit" ? (
        <Suspense fallback={<p className="mt-3 text-soft">Loading the form…</p>}>
          <EditForm
            request={request}
            isSending={isSending}
            onSend={(args) => void send(decide.edit(id, args))}
            onBack={() => setMode("look")}
          />
        </Suspense>
      ) : mode === "remember" ? (
        <Remember
          request={request}
          isSending={isSending}
          onSend={(remember) => void send(decide.approve(id, { remember }))}
          onBack={() => setMode("look")}
        />
      ) : mode === "reject" || isQuestion ? (
        <form
          className="mt-3 flex flex-wrap items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            void send(isQuestion ? decide.approve(id, withReason) : decide.reject(id, withReason));
          }}
        >
          <Field
            label={isQuestion ? "Answer" : "Reason"}
            hint={isQuestion ? "The agent goes on with it." : "The agent is told. It may stay empty."}
            value={reason}
            maxLength={2000}
            autoFocus
            onChange={(event) => setReason(event.target.value)}
            className="min-w-52 flex-1"
          />
          {isQuestion ? (
            <>
              <Button look="primary" type="submit" disabled={isSending || reason.trim() === ""}>
                Answer
              </Button>
              <Button look="danger" disabled={isSending} onClick={() => void send(decide.reject(id))}>
                Reject
              </Button>
            </>
          ) : (
            <>
              <Button look="danger" type="submit" disabled={isSending}>
                Reject
              </Button>
              <Button onClick={() => setMode("look")}>Back</Button>
            </>
          )}
        </form>
      ) : (
        <div className="mt-3 flex flex-wrap gap-2">
          <Button look="primary" data-key="a" disabled={isSending} onClick={() => void send(decide.approve(id))}>
            Approve
          </Button>
          <Button look="danger" data-key="r" disabled={isSending} onClick={() => setMode("reject")}>
            Reject
          </Button>
          <Button data-key="e" disabled={isSending} onClick={() => setMode("edit")}>
            Edit
          </Button>
          <Button disabled={isSending} onClick={() => setMode("remember")} className="sm:ml-auto">
            Always allow…
          </Button>
        </div>
      )}
    </section>
  );
}

/** Refusals that say the request is over. */
const lost: ReadonlySet<string> = new Set(["already_decided", "approval_expired", "execution_ended"]);

function lostSentence(error: PaygentError): string {
  const { decided_by: by, decided_at: at, decision } = error.details ?? {};
  if (error.code !== "already_decided" || typeof by !== "string" || typeof at !== "string") return error.message;
  return plainText(`Somebody was faster: already ${decision} by ${by}, ${dateAndTime(at)}.`);
}
