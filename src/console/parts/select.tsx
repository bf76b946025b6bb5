import { type SelectHTMLAttributes, useId } from "react";

/** A labelled choice out of a list. The platform's own, which phones show in a way of theirs. */
export function Select({
  label,
  options,
  className = "",
  ...props
}: SelectHTMLAttributes<HTMLSelectElement> & {
  readonly label: string;
  /** Values with what is said for them. */
  readonly options: readonly (readonly [value: string, name: string])[];
}) {
  const id = useId();
  return (
    <div className={`min-w-0 ${className}`}>
      <label htmlFor={id} className="block font-semibold text-xs">
        {label}
      </label>
      <select
        {...props}
        id={id}
        className="mt-1 min-h-8 w-full rounded-md border border-line bg-canvas px-2 py-1 disabled:opacity-55"
      >
        {options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
