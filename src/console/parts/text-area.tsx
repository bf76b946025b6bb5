import type { TextareaHTMLAttributes } from "react";
import { Labelled, type Labels } from "./labelled.tsx";

/** Labelled lines to write in. */
export function TextArea({
  label,
  hint,
  error,
  className,
  ...props
}: TextareaHTMLAttributes<HTMLTextAreaElement> & Labels) {
  return (
    <Labelled {...{ label, hint, error, className }}>
      {(described) => (
        <textarea
          rows={3}
          {...props}
          {...described}
          className="mt-1 w-full rounded-md border border-line bg-canvas px-2.5 py-1 aria-invalid:border-bad"
        />
      )}
    </Labelled>
  );
}
