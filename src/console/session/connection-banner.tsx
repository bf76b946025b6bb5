import type { ConnectionStatus } from "../../client/index.ts";
import { WrongToken } from "../parts/failure.tsx";
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
      if (status.error?.code === "unauthenticated") return <WrongToken />;
      return <Notice look="bad">{status.error?.message ?? "The connection was closed; load the page again."}</Notice>;
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
