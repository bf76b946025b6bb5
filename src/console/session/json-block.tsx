import { plainValue } from "../plain-text.ts";

/** A value for reading: text, never markup. */
export function JsonBlock({ label, value }: { readonly label: string; readonly value: unknown }) {
  return (
    <figure className="mt-2">
      <figcaption className="text-soft text-xs">{label}</figcaption>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        className="max-h-80 overflow-auto whitespace-pre-wrap rounded-md border border-line bg-canvas p-2 font-mono text-xs"
      >
        {plainValue(value)}
      </pre>
    </figure>
  );
}
