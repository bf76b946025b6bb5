import { useContext } from "react";
import type { ConnectionStatus } from "../../client/index.ts";
import { SignOut } from "../access.ts";
import { Button } from "../parts/button.tsx";
import { Notice } from "../parts/notice.tsx";
import { useOnline } from "../parts/use-online.ts";

/** What is to be known of the connection when it is not simply there. */
export function ConnectionBanner({
  status,
  isCaughtUp,
}: {
  readonly status: ConnectionStatus;
  readonly isCaughtUp: boolean;
}) {
  const signOut = useContext(SignOut);
  const isOnline = useOnline();
  if (!isOnline && status.state !== "closed") return <Lost what="This device is offline." />;
  switch (status.state) {
    case "open":
      return isCaughtUp ? null : <Notice>Reading the history…</Notice>;
    case "connecting":
      return <Notice>Connecting…</Notice>;
    case "reconnecting":
      return <Lost what="The server does not answer." />;
    case "closed":
      return (
        <Notice look="bad">
          <p>{status.error?.message ?? "The connection was closed; load the page again."}</p>
          {status.error?.code === "unauthenticated" ? (
            <Button className="mt-2" onClick={signOut}>
              Use another token
            </Button>
          ) : null}
        </Notice>
      );
  }
}

function Lost({ what }: { readonly what: string }) {
  return (
    <Notice look="warn">
      {what} Reconnecting; what you see is the last known state, and what you do now is sent as soon as the server is
      back.
    </Notice>
  );
}
