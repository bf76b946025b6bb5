import { lazy, Suspense, useState } from "react";
import type { ApprovalRequired } from "../../protocol/events.ts";
import { messageOf } from "../format.ts";
import { useFreezeOf } from "../freeze/freeze-state.tsx";
import { Button } from "../parts/button.tsx";
import { Notice } from "../parts/notice.tsx";
import { plainText } from "../plain-text.ts";
import { ApprovalFacts } from "./approval-facts.tsx";
import { CardActions } from "./card-actions.tsx";
import type { Decide } from "./decide.ts";
import { lateSentence } from "./decided.ts";
import { ReasonForm } from "./reason-form.tsx";
import { Remember } from "./remember.tsx";
import { Votes } from "./votes.tsx";

const EditForm = lazy(async () => ({ default: (await import("./edit-form.tsx")).EditForm }));

type Mode = "look" | "reject" | "edit" | "remember";

/** A request that waits for a decision. `onLate` is told in a sentence when it was too late. */
export function ApprovalCard({
  request,
  decide,
  onLate,
}: {
  readonly request: ApprovalRequired;
  readonly decide: Decide;
  readonly onLate: (sentence: string) => void;
}) {
  const [mode, setMode] = useState<Mode>("look");
  const [isSending, setIsSending] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [voteCount, setVoteCount] = useState(0);
  const { request_id: id, tool_name: tool, approvals_needed: needed } = request;
  const isQuestion = tool === "ask_user";
  const freeze = useFreezeOf(request.session_id);
  const isFrozen = freeze !== undefined && Number(request.amount) > 0;
  const look = () => setMode("look");

  const send = async (decision: Promise<unknown>) => {
    setIsSending(true);
    setFailure(undefined);
    try {
      await decision;
      // A vote leaves the request open; any other decision takes the card away as soon as its event is here.
      if (needed === undefined) return;
      setIsSending(false);
      setVoteCount((before) => before + 1);
    } catch (error) {
      setIsSending(false);
      const late = lateSentence(error);
      if (late === undefined) setFailure(messageOf(error));
      else onLate(late);
    }
  };

  return (
    <section
      data-card={id}
      tabIndex={-1}
      aria-label={isQuestion ? "Question" : `Approval of ${tool}`}
      className="rounded-lg border border-warn bg-warn-panel p-3 sm:p-4"
    >
      <ApprovalFacts request={request} />
      {needed === undefined ? null : <Votes request={request} needed={needed} turn={voteCount} />}
      {isFrozen ? (
        <p className="mt-2 font-semibold">
          Payments are frozen by {plainText(freeze.by)}: this cannot be approved until they are released.
        </p>
      ) : null}
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
            onBack={look}
          />
        </Suspense>
      ) : mode === "remember" ? (
        <Remember
          request={request}
          isSending={isSending}
          onSend={(remember) => void send(decide.approve(id, { remember }))}
          onBack={look}
        />
      ) : isQuestion ? (
        <ReasonForm
          label="Answer"
          hint="The agent goes on with it."
          isRequired
          isSending={isSending}
          onSend={(options) => void send(decide.approve(id, options))}
        >
          <Button look="danger" disabled={isSending} onClick={() => void send(decide.reject(id))}>
            Reject
          </Button>
        </ReasonForm>
      ) : mode === "reject" ? (
        <ReasonForm
          label="Reason"
          verb="Reject"
          hint="The agent is told. It may stay empty."
          isSending={isSending}
          onSend={(options) => void send(decide.reject(id, options))}
        >
          <Button onClick={look}>Back</Button>
        </ReasonForm>
      ) : (
        <CardActions isSending={isSending} said={voteCount > 0 ? "You have approved; it waits for others." : ""}>
          <Button
            look="primary"
            data-key="a"
            disabled={isSending || isFrozen || voteCount > 0}
            onClick={() => void send(decide.approve(id))}
          >
            Approve
          </Button>
          <Button look="danger" data-key="r" disabled={isSending} onClick={() => setMode("reject")}>
            Reject
          </Button>
          <Button data-key="e" disabled={isSending || isFrozen} onClick={() => setMode("edit")}>
            Edit
          </Button>
          {needed === undefined ? (
            <Button disabled={isSending || isFrozen} onClick={() => setMode("remember")} className="sm:ml-auto">
              Always allow…
            </Button>
          ) : null}
        </CardActions>
      )}
    </section>
  );
}
