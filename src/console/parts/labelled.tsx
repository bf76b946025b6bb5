import { type ReactNode, useId } from "react";

export interface Labels {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
  readonly className?: string | undefined;
}

/** What something to write in is told, so that its label, its hint and what is wrong with it are read out. */
interface Described {
  readonly id: string;
  readonly "aria-describedby"?: string;
  readonly "aria-invalid"?: true;
}

/** Something to write in, with its label above it and what is wrong with it below. */
export function Labelled({
  label,
  hint,
  error,
  className = "",
  children,
}: Labels & { readonly children: (described: Described) => ReactNode }) {
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
      {children({
        id,
        ...(described.length === 0 ? {} : { "aria-describedby": described.join(" ") }),
        ...(error === undefined ? {} : { "aria-invalid": true }),
      })}
      {error === undefined ? null : (
        <p id={`${id}-error`} className="mt-0.5 text-bad text-xs">
          {error}
        </p>
      )}
    </div>
  );
}
