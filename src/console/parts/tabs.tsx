import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

/** Parts of a screen of which one is shown. What was written in the others stays. */
export function Tabs({
  label,
  tabs,
}: {
  readonly label: string;
  readonly tabs: readonly { readonly name: string; readonly content: ReactNode }[];
}) {
  return (
    <Radix.Root defaultValue={tabs[0]?.name ?? ""}>
      <Radix.List aria-label={label} className="mb-5 flex flex-wrap gap-x-5 border-line border-b">
        {tabs.map(({ name }) => (
          <Radix.Trigger
            key={name}
            value={name}
            className="-mb-px border-transparent border-b-2 py-2 text-soft hover:text-ink data-[state=active]:border-accent data-[state=active]:font-semibold data-[state=active]:text-ink"
          >
            {name}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map(({ name, content }) => (
        <Radix.Content key={name} value={name} forceMount className="data-[state=inactive]:hidden">
          {content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
