import { useState } from "react";
import type { Session } from "../../protocol/resources.ts";
import type { SessionConfig } from "../../protocol/session-config.ts";
import { usePaygent } from "../../react/index.ts";
import { messageOf } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { Notice } from "../parts/notice.tsx";
import { plainText } from "../plain-text.ts";
import { type Change, patchOf, settingNames } from "./changes.ts";

/** What would no longer hold and what would hold instead, before it is saved. */
export function ReviewDialog({
  sessionId,
  config,
  changes,
  onSaved,
  onClose,
}: {
  readonly sessionId: string;
  readonly config: SessionConfig;
  readonly changes: readonly Change[];
  readonly onSaved: (session: Session) => void;
  readonly onClose: () => void;
}) {
  const client = usePaygent();
  const [isSaving, setIsSaving] = useState(false);
  const [failure, setFailure] = useState<string>();
  const save = async () => {
    setIsSaving(true);
    setFailure(undefined);
    try {
      onSaved(await client.sessions.update(sessionId, { config: patchOf(config, changes) }));
    } catch (error) {
      setFailure(messageOf(error));
      setIsSaving(false);
    }
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Save these changes?"
      description="They hold for every call that is judged from now on; requests that wait are judged again when they are decided."
    >
      <dl className="grid gap-3">
        {changes.map(({ setting, removed, added }) => (
          <div key={setting}>
            <dt className="font-semibold text-xs">{settingNames[setting]}</dt>
            <dd className="mt-0.5 rounded-md border border-line bg-canvas px-2 py-1 font-mono text-xs">
              {removed.map((line) => (
                <p key={line} className="text-bad">
                  <span className="sr-only">no longer </span>
                  <span aria-hidden="true">− </span>
                  {plainText(line)}
                </p>
              ))}
              {added.map((line) => (
                <p key={line} className="text-good">
                  <span className="sr-only">now </span>
                  <span aria-hidden="true">+ </span>
                  {plainText(line)}
                </p>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      {failure === undefined ? null : (
        <div className="mt-3">
          <Notice look="bad">{plainText(failure)}</Notice>
        </div>
      )}
      <div className="mt-4 flex gap-2">
        <Button look="primary" disabled={isSaving} onClick={() => void save()}>
          Save
        </Button>
        <Button onClick={onClose}>Back</Button>
      </div>
    </Dialog>
  );
}
