import type { ConnectionStatus } from "../../client/index.ts";
import { Button } from "../parts/button.tsx";
import { Notice } from "../parts/notice.tsx";

/** What is to be known of the connection when it is not simply there. */
export function ConnectionBanner({
  status,
  isCaughtUp,
  onSignOut,
}: {
  readonly status: ConnectionStatus;
  readonly isCaughtUp: boolean;
  readonly onSignOut: () => void;
}) {
  switch (status.state) {
    case "open":
      return isCaughtUp ? null : <Notice>Reading the history…</Notice>;
    case "connecting":
      return <Notice>Connecting…</Notice>;
    case "reconnecting":
      return (
        <Notice look="warn">
          {navigator.onLine ? "The server does not answer." : "This device is offline."} Reconnecting; what you see is
          the last known state, and what you do now is sent as soon as the server is back.
        </Notice>
      );
    case "closed":
      return (
        <Notice look="bad">
          <p>{status.error?.message ?? "The connection was closed; load the page again."}</p>
          {status.error?.code === "unauthenticated" ? (
            <Button className="mt-2" onClick={onSignOut}>
              Use another token
            </Button>
          ) : null}
        </Notice>
      );
  }
}
