import { useMemo, useState } from "react";
import { Link } from "wouter";
import type { ApprovalRequired } from "../../protocol/events.ts";
import { type ExecutionView, useSession } from "../../react/index.ts";
import { ApprovalCard } from "../approval/approval-card.tsx";
import { fasterSentence } from "../approval/decided.ts";
import { useFocusAfterCard } from "../approval/use-focus-after-card.ts";
import { useOwnDecisions } from "../approval/use-own-decisions.ts";
import { WaitingStatus } from "../approval/waiting-status.tsx";
import { messageOf } from "../format.ts";
import { BudgetGauge } from "../parts/budget-gauge.tsx";
import { Notice } from "../parts/notice.tsx";
import { useOnline } from "../parts/use-online.ts";
import { plainText } from "../plain-text.ts";
import { useTitle } from "../title.ts";
import { ArchivedLine } from "./archived-line.tsx";
import { CommandBox } from "./command-box.tsx";
import { ConnectionBanner } from "./connection-banner.tsx";
import { Examples } from "./examples.tsx";
import { modelHint } from "./model-hint.ts";
import { OpenExecutions } from "./open-executions.tsx";
import { Timeline } from "./timeline.tsx";
import { type UnsentCommand, UnsentCommands } from "./unsent-commands.tsx";

/** One session: what happens in it, what it asks, and where it is told what to do. */
export function SessionScreen({ sessionId }: { readonly sessionId: string }) {
  const session = useSession(sessionId);
  const { executions, approvals, budget, connection, isCaughtUp, model, isTerminated, firstSeq } = session;
  const [notice, setNotice] = useState<string>();
  const [unsent, setUnsent] = useState<readonly UnsentCommand[]>([]);
  const history = useMemo(() => executions.map(({ command }) => command), [executions]);
  const title = history[0] ?? "New session";
  const isOnline = useOnline();
  const isRefused = connection.state === "closed";
  useTitle(title);

  const tell = (error: unknown) => setNotice(messageOf(error));
  const run = (command: string) => {
    const { id, accepted } = session.execute(command);
    setUnsent((before) => [...before, { id, command }]);
    accepted.catch(tell).finally(() => setUnsent((before) => before.filter((one) => one.id !== id)));
  };
  const cancel = (executionId: string) => {
    session.cancel(executionId).catch(tell);
  };
  const decide = useOwnDecisions(session, approvals, (request) =>
    setNotice((before) => fasterThanHere(executions, request) ?? before),
  );
  useFocusAfterCard(approvals);
  return (
    <main className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 border-line border-b bg-panel px-4 py-2 md:px-8">
        <div className="min-w-0">
          <h1 className="truncate font-semibold">{plainText(title)}</h1>
          <p className="flex gap-3 text-xs">
            <Link href={`/sessions/${sessionId}/log`} className="text-accent underline">
              Log
            </Link>
            <Link href={`/sessions/${sessionId}/policy`} className="text-accent underline">
              Policy
            </Link>
          </p>
        </div>
        {budget === undefined ? null : <BudgetGauge budget={budget} />}
      </div>
      <ArchivedLine sessionId={sessionId} firstSeq={firstSeq} />
      {executions.length === 0 && isCaughtUp ? (
        <div className="min-h-0 flex-1 overflow-y-auto p-4 md:px-8">
          <div className="mx-auto max-w-2xl">
            <p className="mb-3 text-soft">
              Nothing has been asked of the agent here {firstSeq === 1 ? "yet" : "lately"}. Try one of these:
            </p>
            <Examples onRun={run} />
          </div>
        </div>
      ) : (
        <Timeline executions={executions} />
      )}
      <WaitingStatus count={approvals.length} />
      <OpenExecutions executions={executions} onCancel={cancel} />
      <div className="max-h-[65%] shrink-0 scroll-pb-14 overflow-y-auto px-4 pt-2 pb-2 md:px-8">
        <div className="mx-auto grid max-w-4xl grid-cols-[minmax(0,1fr)] gap-2">
          <ConnectionBanner status={connection} isCaughtUp={isCaughtUp} />
          {notice === undefined ? null : (
            <Notice look="bad" onDismiss={() => setNotice(undefined)}>
              {plainText(notice)}
            </Notice>
          )}
          {approvals.map((request) => (
            <ApprovalCard key={request.request_id} request={request} decide={decide} onLate={setNotice} />
          ))}
          {connection.state === "open" && isOnline ? null : <UnsentCommands commands={unsent} />}
          {isTerminated ? <Notice>This session is terminated; its log stays.</Notice> : null}
          {isTerminated || isRefused ? null : <CommandBox history={history} hint={modelHint(model)} onRun={run} />}
        </div>
      </div>
    </main>
  );
}

/** Who decided a request that left the page undecided here; undefined when nobody did. */
function fasterThanHere(executions: readonly ExecutionView[], request: ApprovalRequired): string | undefined {
  const execution = executions.find(({ executionId }) => executionId === request.execution_id);
  for (const entry of execution?.entries ?? []) {
    if (entry.kind !== "call" || entry.call.approval?.request_id !== request.request_id) continue;
    const { decision, decidedBy, decidedAt } = entry.call.decision ?? {};
    if (decidedBy !== undefined && decision !== undefined) return fasterSentence(decision, decidedBy, decidedAt ?? "");
  }
  return undefined;
}
