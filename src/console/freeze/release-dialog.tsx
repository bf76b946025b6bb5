import type { Freeze } from "../../protocol/freeze.ts";
import { dateAndTime } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { plainText } from "../plain-text.ts";
import { useFreezeState } from "./freeze-state.tsx";
import { targetOf, whosePayments } from "./freeze-words.ts";

/** Asks whether a freeze is to be lifted: agents go on paying at once. */
export function ReleaseDialog({ freeze, onClose }: { readonly freeze: Freeze; readonly onClose: () => void }) {
  const { sessionId, identity, release } = useFreezeState();
  const { by, reason, frozen_at } = freeze;
  const because = reason === undefined ? "." : `: ${reason}`;
  return (
    <Dialog
      isOpen
      isAlert
      onClose={onClose}
      title={`Release payments of ${whosePayments(freeze, sessionId, identity?.user_id)}?`}
      description={
        <>
          <p>{plainText(`Frozen by ${by}, ${dateAndTime(frozen_at)}${because}`)}</p>
          <p className="mt-1">
            Agents may pay again at once, within their policy, and requests that wait can be approved.
          </p>
        </>
      }
    >
      <div className="flex flex-wrap gap-2">
        <Button onClick={onClose} autoFocus>
          Keep frozen
        </Button>
        <Button
          look="danger"
          onClick={() => {
            release(targetOf(freeze));
            onClose();
          }}
        >
          Release
        </Button>
      </div>
    </Dialog>
  );
}
