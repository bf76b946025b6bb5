import { type InputHTMLAttributes, useId } from "react";

/** A labelled line to write in. */
export function Field({
  label,
  hint,
  className = "",
  ...props
}: InputHTMLAttributes<HTMLInputElement> & { readonly label: string; readonly hint?: string }) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="block font-semibold text-xs">
        {label}
      </label>
      {hint === undefined ? null : (
        <p id={`${id}-hint`} className="text-soft text-xs">
          {hint}
        </p>
      )}
      <input
        {...props}
        id={id}
        {...(hint === undefined ? {} : { "aria-describedby": `${id}-hint` })}
        className="mt-1 min-h-8 w-full rounded-md border border-line bg-canvas px-2.5 py-1"
      />
    </div>
  );
}
