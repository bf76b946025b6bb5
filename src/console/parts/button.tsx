import type { ButtonHTMLAttributes } from "react";

const looks = {
  primary: "border-accent bg-accent text-on-accent hover:opacity-90",
  plain: "border-line bg-panel text-ink hover:border-soft",
  danger: "border-line bg-panel text-bad hover:border-bad",
} as const;

export function Button({
  look = "plain",
  className = "",
  ...props
}: ButtonHTMLAttributes<HTMLButtonElement> & { readonly look?: keyof typeof looks }) {
  return (
    <button
      type="button"
      {...props}
      className={`min-h-8 rounded-md border px-3 py-1 font-medium disabled:opacity-55 ${looks[look]} ${className}`}
    />
  );
}
