import { useMemo, useState } from "react";
import { Link } from "wouter";
import type { ApprovalRequired } from "../../protocol/events.ts";
import { useApprovals, usePaygent } from "../../react/index.ts";
import { ApprovalCard } from "../approval/approval-card.tsx";
import type { Decide } from "../approval/decide.ts";
import { endSentence } from "../approval/decided.ts";
import { useCardKeys } from "../approval/use-card-keys.ts";
import { useFocusAfterCard } from "../approval/use-focus-after-card.ts";
import { useOwnDecisions } from "../approval/use-own-decisions.ts";
import { WaitingStatus } from "../approval/waiting-status.tsx";
import { messageOf } from "../format.ts";
import { NotifySwitch } from "../notify-switch.tsx";
import { Failure } from "../parts/failure.tsx";
import { Notice } from "../parts/notice.tsx";
import { Empty, Screen } from "../parts/screen.tsx";

/** Every request that waits for this user, over all sessions. */
export function InboxScreen() {
  const client = usePaygent();
  const { approvals, error, isLoading, approve, reject, edit } = useApprovals();
  const [notice, setNotice] = useState<string>();
  const tellWhoDecided = async ({ request_id: id }: ApprovalRequired) => {
    try {
      const { approval } = await client.approvals.get(id);
      setNotice((before) => endSentence(approval) ?? before);
    } catch (failure) {
      setNotice(messageOf(failure));
    }
  };
  const byHttp = useMemo<Decide>(
    () => ({ approve, reject, edit: (id, edited_args) => edit(id, { edited_args }) }),
    [approve, reject, edit],
  );
  const decide = useOwnDecisions(byHttp, approvals, (request) => void tellWhoDecided(request));
  useCardKeys();
  useFocusAfterCard(approvals);
  return (
    <Screen title="Inbox" actions={<NotifySwitch />}>
      <WaitingStatus count={approvals.length} />
      {approvals.length === 0 ? null : (
        <p className="mb-3 text-soft text-xs">
          Keys: <kbd>j</kbd> and <kbd>k</kbd> choose a request, <kbd>a</kbd> approves it, <kbd>r</kbd> rejects,{" "}
          <kbd>e</kbd> edits.
        </p>
      )}
      <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
        {error === undefined ? null : <Failure error={error} />}
        {notice === undefined ? null : (
          <Notice look="bad" onDismiss={() => setNotice(undefined)}>
            {notice}
          </Notice>
        )}
        {approvals.map((approval) => (
          <div key={approval.request_id}>
            <ApprovalCard request={approval} decide={decide} onLate={setNotice} />
            <Link href={`/sessions/${approval.session_id}`} className="text-accent text-xs underline">
              Open its session
            </Link>
          </div>
        ))}
        {approvals.length === 0 && error === undefined ? (
          <Empty>{isLoading ? "Loading…" : "Nothing waits for you."}</Empty>
        ) : null}
      </div>
    </Screen>
  );
}
