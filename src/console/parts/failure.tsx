import { useContext, useEffect } from "react";
import { PaygentError } from "../../protocol/errors.ts";
import { SignOut } from "../access.ts";
import { messageOf } from "../format.ts";
import { plainText } from "../plain-text.ts";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";
import { useOnline } from "./use-online.ts";

const retryMs = 3000;

/** Why something could not be read, and the way out. A server that is away is asked again by itself. */
export function Failure({ error, again }: { readonly error: unknown; readonly again?: () => void }) {
  const isOnline = useOnline();
  const code = error instanceof PaygentError ? error.code : undefined;
  // A server that is there and cannot do it says so without a cause; what the network says has one.
  const isAway = code === "unavailable" && error instanceof Error && error.cause !== undefined;
  useEffect(() => {
    if (!isAway || again === undefined) return;
    const timer = setInterval(again, retryMs);
    return () => clearInterval(timer);
  }, [isAway, again]);
  if (isAway) {
    return (
      <Notice look="warn">
        {isOnline ? "The server does not answer." : "This device is offline."} Trying again; this page goes on by itself
        as soon as the server is back.
      </Notice>
    );
  }
  if (code === "unauthenticated") return <WrongToken />;
  return (
    <Notice look="bad">
      <p>{plainText(messageOf(error))}</p>
      {again === undefined ? null : (
        <Button className="mt-2" onClick={again}>
          Try again
        </Button>
      )}
    </Notice>
  );
}

/** That the server does not know who this is, and where to go from here. */
export function WrongToken() {
  const signOut = useContext(SignOut);
  return (
    <Notice look="bad">
      <p>
        The access token is missing, wrong or expired. Open the address that the server printed when it started, or give
        another token.
      </p>
      <Button className="mt-2" onClick={signOut}>
        Use another token
      </Button>
    </Notice>
  );
}
