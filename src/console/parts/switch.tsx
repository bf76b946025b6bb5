import { Switch as Radix } from "radix-ui";
import { type ReactNode, useId } from "react";

/** Something that is on or off, and changes at once. */
export function Switch({
  label,
  checked,
  disabled = false,
  look = "plain",
  onChange,
}: {
  readonly label: ReactNode;
  readonly checked: boolean;
  readonly disabled?: boolean;
  /** `stop` for what stops something while it is on. */
  readonly look?: "plain" | "stop";
  readonly onChange: (checked: boolean) => void;
}) {
  const id = useId();
  const on = look === "stop" ? "data-[state=checked]:bg-frost" : "data-[state=checked]:bg-accent";
  return (
    <span className="flex items-center gap-2">
      <Radix.Root
        id={id}
        checked={checked}
        disabled={disabled}
        onCheckedChange={onChange}
        className={`relative h-6 w-10 shrink-0 rounded-full border border-soft bg-canvas disabled:opacity-55 ${on}`}
      >
        <Radix.Thumb className="block size-4 translate-x-0.5 rounded-full bg-soft transition-transform data-[state=checked]:translate-x-4.5 data-[state=checked]:bg-on-accent motion-reduce:transition-none" />
      </Radix.Root>
      <label htmlFor={id} className="cursor-pointer">
        {label}
      </label>
    </span>
  );
}
