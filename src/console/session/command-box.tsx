import { type KeyboardEvent, useRef, useState } from "react";
import { Button } from "../parts/button.tsx";

/** Where a command is written. Enter runs it; the arrow keys bring earlier ones back. */
export function CommandBox({
  history,
  hint,
  isBusy = false,
  onRun,
}: {
  readonly history: readonly string[];
  readonly hint: string;
  /** Whether an earlier command is still being handed over. */
  readonly isBusy?: boolean;
  readonly onRun: (command: string) => void;
}) {
  const [text, setText] = useState("");
  const place = useRef<number | undefined>(undefined);
  /** What was being written when an earlier command was asked for. */
  const draft = useRef("");
  const run = () => {
    const command = text.trim();
    if (command === "" || isBusy) return;
    onRun(command);
    setText("");
    place.current = undefined;
  };
  const recall = (step: -1 | 1) => {
    const next = (place.current ?? history.length) + step;
    if (next < 0 || next > history.length) return;
    if (place.current === undefined) draft.current = text;
    place.current = next;
    setText(history[next] ?? draft.current);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      run();
    } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && !text.includes("\n")) {
      event.preventDefault();
      recall(event.key === "ArrowUp" ? -1 : 1);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <div className="flex items-end gap-2 rounded-lg border border-line bg-panel p-1.5 focus-within:border-accent">
        <textarea
          aria-label="Command"
          aria-describedby="command-hint"
          rows={Math.min(6, text.split("\n").length)}
          maxLength={4000}
          value={text}
          placeholder="What should the agent do?"
          onChange={(event) => {
            setText(event.target.value);
            place.current = undefined;
          }}
          onKeyDown={onKeyDown}
          className="min-w-0 flex-1 resize-none bg-transparent px-2 py-1 font-mono text-[13px] leading-6 outline-none placeholder:text-soft"
        />
        <Button look="primary" type="submit" disabled={isBusy || text.trim() === ""}>
          Run
        </Button>
      </div>
      <p id="command-hint" className="mt-1 px-1 text-soft text-xs">
        {hint}
      </p>
    </form>
  );
}
