import type { InputHTMLAttributes } from "react";
import { Labelled, type Labels } from "./labelled.tsx";

/** A labelled line to write in. */
export function Field({ label, hint, error, className, ...props }: InputHTMLAttributes<HTMLInputElement> & Labels) {
  return (
    <Labelled {...{ label, hint, error, className }}>
      {(described) => (
        <input
          {...props}
          {...described}
          className="mt-1 min-h-8 w-full rounded-md border border-line bg-canvas px-2.5 py-1 aria-invalid:border-bad"
        />
      )}
    </Labelled>
  );
}
