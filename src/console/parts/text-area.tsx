import { type TextareaHTMLAttributes, useId } from "react";

/** Labelled lines to write in. */
export function TextArea({
  label,
  hint,
  error,
  className = "",
  ...props
}: TextareaHTMLAttributes<HTMLTextAreaElement> & {
  readonly label: string;
  readonly hint?: string;
  readonly error?: string | undefined;
}) {
  const id = useId();
  const described = [...(hint === undefined ? [] : [`${id}-hint`]), ...(error === undefined ? [] : [`${id}-error`])];
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
      <textarea
        rows={3}
        {...props}
        id={id}
        {...(described.length === 0 ? {} : { "aria-describedby": described.join(" ") })}
        {...(error === undefined ? {} : { "aria-invalid": true })}
        className="mt-1 w-full rounded-md border border-line bg-canvas px-2.5 py-1 aria-invalid:border-bad"
      />
      {error === undefined ? null : (
        <p id={`${id}-error`} className="text-bad text-xs">
          {error}
        </p>
      )}
    </div>
  );
}
