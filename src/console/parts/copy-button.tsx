import { useState } from "react";

/** Puts a text on the clipboard, which browsers allow on pages that came safely. */
export function CopyButton({ what, text }: { readonly what: string; readonly text: string }) {
  const [told, setTold] = useState<string>();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setTold("Copied");
    } catch {
      setTold("Not allowed here");
    }
  };
  return (
    <button
      type="button"
      aria-label={told === undefined ? `Copy ${what}` : told}
      onClick={() => void copy()}
      className="min-h-6 shrink-0 rounded-md border border-line px-2 text-xs hover:border-soft"
    >
      {told ?? "Copy"}
    </button>
  );
}
