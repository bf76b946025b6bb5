import { useState } from "react";
import { Link } from "wouter";
import type { Freeze } from "../../protocol/freeze.ts";
import { dateAndTime } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Notice } from "../parts/notice.tsx";
import { useNow } from "../parts/use-now.ts";
import { plainText } from "../plain-text.ts";
import { useFreezeState } from "./freeze-state.tsx";
import { ago, whosePayments } from "./freeze-words.ts";
import { ReleaseDialog } from "./release-dialog.tsx";

/** Above every page while something is frozen: what, by whom, since when. */
export function FreezeBanner() {
  const { freezes, sessionId, failure, dismiss } = useFreezeState();
  const [releasing, setReleasing] = useState<Freeze>();
  const told = freezes.filter(({ scope, session_id }) => scope !== "session" || session_id === sessionId);
  const elsewhere = freezes.filter((freeze) => !told.includes(freeze));
  return (
    <>
      {failure === undefined ? null : (
        <div className="px-4 py-2 md:px-8">
          <Notice look="bad" onDismiss={dismiss}>
            {plainText(failure)}
          </Notice>
        </div>
      )}
      {freezes.length === 0 ? null : (
        <section
          aria-label="Frozen payments"
          className="grid shrink-0 gap-2 border-frost border-b bg-frost-panel px-4 py-2 md:px-8"
        >
          {told.map((freeze) => (
            <FrozenLine
              key={`${freeze.scope} ${freeze.user_id}`}
              freeze={freeze}
              onRelease={() => setReleasing(freeze)}
            />
          ))}
          {elsewhere.length === 0 ? null : (
            <p>
              {elsewhere.length === 1 ? "One session is frozen: " : `${elsewhere.length} sessions are frozen: `}
              {elsewhere.slice(0, 3).map(({ session_id = "" }) => (
                <Link key={session_id} href={`/sessions/${session_id}`} className="mr-2 text-accent underline">
                  {session_id.slice(0, 8)}
                </Link>
              ))}
              {elsewhere.length > 3 ? "…" : ""}
            </p>
          )}
        </section>
      )}
      {releasing === undefined ? null : <ReleaseDialog freeze={releasing} onClose={() => setReleasing(undefined)} />}
    </>
  );
}

function FrozenLine({ freeze, onRelease }: { readonly freeze: Freeze; readonly onRelease: () => void }) {
  const { sessionId, identity, isChanging } = useFreezeState();
  const now = useNow();
  const { by, reason, frozen_at, scope, user_id } = freeze;
  const scopes = identity?.scopes ?? [];
  const isOwn = user_id === undefined || user_id === identity?.user_id;
  const mayRelease = scopes.includes("admin") || (scope !== "all" && scopes.includes("approve"));
  return (
    <div className="flex items-center justify-between gap-4">
      <p className="min-w-0">
        <span role="status">
          Payments of <strong className="font-semibold">{whosePayments(freeze, sessionId, identity?.user_id)}</strong>{" "}
          are frozen by <strong className="font-semibold">{plainText(by)}</strong>
          {reason === undefined ? "" : plainText(`: ${reason}`)}
        </span>{" "}
        <time dateTime={frozen_at} className="text-soft">
          since {dateAndTime(frozen_at)}, {ago(frozen_at, now)}
        </time>
      </p>
      {isOwn && mayRelease ? (
        <Button className="shrink-0" disabled={isChanging} onClick={onRelease}>
          Release…
        </Button>
      ) : null}
    </div>
  );
}
