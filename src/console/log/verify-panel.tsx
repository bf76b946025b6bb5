import { Collapsible } from "radix-ui";
import { useState } from "react";
import { type Checkpoint, parseCheckpoint, type Verification } from "../../protocol/hash-chain.ts";
import { usePaygent } from "../../react/index.ts";
import { messageOf } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { CopyButton } from "../parts/copy-button.tsx";
import { Field } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { plainText } from "../plain-text.ts";
import { type Progress, verifyLog } from "./verify-log.ts";

type Check =
  | { readonly state: "running"; readonly progress?: Progress }
  | { readonly state: "failed"; readonly message: string }
  | { readonly state: "done"; readonly found: Verification; readonly checkpoint: Checkpoint | undefined };

/** Checks the log's hash chain in the browser, and says in words what it found. */
export function VerifyPanel({
  sessionId,
  onShow,
}: {
  readonly sessionId: string;
  readonly onShow: (seq: number) => void;
}) {
  const client = usePaygent();
  const [check, setCheck] = useState<Check>();
  const [noted, setNoted] = useState("");
  const checkpoint = parseCheckpoint(noted.trim());
  const isRunning = check?.state === "running";

  const verify = async () => {
    setCheck({ state: "running" });
    try {
      const onProgress = (progress: Progress) => setCheck({ state: "running", progress });
      setCheck({ state: "done", found: await verifyLog(client, sessionId, { checkpoint, onProgress }), checkpoint });
    } catch (error) {
      setCheck({ state: "failed", message: messageOf(error) });
    }
  };
  return (
    <Collapsible.Root className="mt-2">
      <div className="flex flex-wrap items-center gap-2">
        <Button disabled={isRunning} onClick={() => void verify()}>
          Verify
        </Button>
        <Collapsible.Trigger className="min-h-8 px-1 text-accent text-xs underline">
          with a checkpoint
        </Collapsible.Trigger>
        <span role="status" className="text-soft text-xs tabular-nums">
          {isRunning ? progressSentence(check.progress) : ""}
        </span>
      </div>
      <Collapsible.Content className="mt-2 max-w-xl">
        <Field
          label="Checkpoint"
          hint="An event's number and hash that were noted earlier, such as 12:ab…; the log must still have that event."
          value={noted}
          spellCheck={false}
          autoComplete="off"
          onChange={({ target }) => setNoted(target.value)}
          {...(noted.trim() !== "" && checkpoint === undefined
            ? { error: "A checkpoint is a number, a colon and 64 digits of 0-9 and a-f." }
            : {})}
        />
      </Collapsible.Content>
      <div className="mt-2 empty:hidden">
        {check?.state === "failed" ? <Notice look="bad">{plainText(check.message)}</Notice> : null}
        {check?.state === "done" ? <Found {...check} onShow={onShow} onDismiss={() => setCheck(undefined)} /> : null}
      </div>
    </Collapsible.Root>
  );
}

function progressSentence(progress: Progress | undefined): string {
  return progress === undefined ? "Reading the log…" : `Checked ${progress.checked} of ${progress.of} events…`;
}

function Found({
  found,
  checkpoint,
  onShow,
  onDismiss,
}: {
  readonly found: Verification;
  readonly checkpoint: Checkpoint | undefined;
  readonly onShow: (seq: number) => void;
  readonly onDismiss: () => void;
}) {
  const { isIntact, events, lastSeq, headHash, brokenAt, problem = "" } = found;
  if (!isIntact && brokenAt !== undefined) {
    return (
      <Notice look="bad" onDismiss={onDismiss}>
        <p className="font-semibold">This log is not as it was written.</p>
        <p>
          {plainText(problem)} The first event that does not fit is event {brokenAt};{" "}
          {events === 0 ? "none before it holds." : `the ${events} before it hold together.`}
        </p>
        <Button className="mt-2" onClick={() => onShow(brokenAt)}>
          Show event {brokenAt}
        </Button>
      </Notice>
    );
  }
  const end = `${lastSeq}:${headHash}`;
  // An event that is in an archive was not held against its checkpoint here.
  const isArchived = checkpoint !== undefined && checkpoint.seq <= lastSeq - events;
  return (
    <Notice look="good" onDismiss={onDismiss}>
      <p>
        <strong className="font-semibold">{events} events hold together.</strong> Each has the hash that its text and
        the event before it give
        {checkpoint === undefined || isArchived ? "" : `, and event ${checkpoint.seq} is the checkpoint's`}. Nothing was
        altered, removed or put in between.
      </p>
      {isArchived ? (
        <p>
          The checkpoint's event {checkpoint.seq} is kept in an archive, and was not looked at: check it with{" "}
          <code className="font-mono">npx paygent verify</code>.
        </p>
      ) : null}
      <p className="mt-1 flex flex-wrap items-center gap-2 text-xs">
        <span>
          Checkpoint, to be kept elsewhere: <code className="break-all font-mono">{end}</code>
        </span>
        <CopyButton what="the checkpoint" text={end} />
      </p>
    </Notice>
  );
}
