import { useState } from "react";
import { Link } from "wouter";
import { useApprovals } from "../../react/index.ts";
import { ApprovalCard } from "../approval/approval-card.tsx";
import { useCardKeys } from "../approval/use-card-keys.ts";
import { NotifySwitch } from "../notify-switch.tsx";
import { Notice } from "../parts/notice.tsx";
import { Empty, Screen } from "../parts/screen.tsx";

/** Every request that waits for this user, over all sessions. */
export function InboxScreen() {
  const { approvals, error, isLoading, approve, reject, edit } = useApprovals();
  const [notice, setNotice] = useState<string>();
  const decide = {
    approve,
    reject,
    edit: (id: string, edited_args: Record<string, unknown>) => edit(id, { edited_args }),
  };
  useCardKeys();
  return (
    <Screen title="Inbox" actions={<NotifySwitch />}>
      {approvals.length === 0 ? null : (
        <p className="mb-3 text-soft text-xs">
          Keys: <kbd>j</kbd> and <kbd>k</kbd> choose a request, <kbd>a</kbd> approves it, <kbd>r</kbd> rejects,{" "}
          <kbd>e</kbd> edits.
        </p>
      )}
      <div className="grid gap-3">
        {error === undefined ? null : <Notice look="bad">{error.message}</Notice>}
        {notice === undefined ? null : (
          <Notice look="bad" onDismiss={() => setNotice(undefined)}>
            {notice}
          </Notice>
        )}
        {approvals.map((approval) => (
          <div key={approval.request_id}>
            <ApprovalCard request={approval} decide={decide} onLost={setNotice} />
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
