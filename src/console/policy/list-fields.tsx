import { Select } from "../parts/select.tsx";
import { TextArea } from "../parts/text-area.tsx";
import { plainText } from "../plain-text.ts";
import type { Right } from "./draft.ts";
import { errorOf, type FieldsProps } from "./fields.ts";
import { Part } from "./part.tsx";

const rights = [
  ["", "by the amounts"],
  ["allow", "allow"],
  ["ask", "always ask"],
  ["deny", "deny"],
] as const satisfies readonly (readonly [Right, string])[];

/** The server's tools, and those that have a right but are not here now. */
export function ToolFields({ draft, issues, change, tools }: FieldsProps & { readonly tools: readonly string[] }) {
  const names = [...new Set([...tools, ...Object.keys(draft.tools)])].sort();
  const wrong = issues.get("tools");
  return (
    <Part title="Tools" about="Denied is never asked about; asked is whatever it costs; all else goes by the amounts.">
      <div className="grid gap-x-6 gap-y-3 sm:grid-cols-2 md:grid-cols-3">
        {names.map((tool) => (
          <Select
            key={tool}
            label={plainText(tool)}
            value={draft.tools[tool] ?? ""}
            options={rights}
            onChange={({ target }) => {
              const right = rights.find(([value]) => value === target.value)?.[0] ?? "";
              change({ tools: { ...draft.tools, [tool]: right } });
            }}
          />
        ))}
      </div>
      {wrong === undefined ? null : <p className="text-bad text-xs">{wrong}</p>}
    </Part>
  );
}

const lists = [
  ["payeesAllow", "Only these payees", "Names or addresses, one a line. Empty for everybody."],
  ["payeesDeny", "Never these payees", "Wins over the list beside it."],
  ["hostsAllow", "Only these hosts", "Such as example.com, *.example.com or 127.0.0.1:4021. Empty for all."],
  ["hostsDeny", "Never these hosts", "Wins over the list beside it."],
] as const;

export function ListFields({ draft, issues, change }: FieldsProps) {
  return (
    <Part title="Payees and hosts" about="Who may be paid, and which hosts pages and payments may reach.">
      <div className="grid items-start gap-3 sm:grid-cols-2">
        {lists.map(([name, label, hint]) => (
          <TextArea
            key={name}
            label={label}
            hint={hint}
            value={draft[name]}
            spellCheck={false}
            onChange={({ target }) => change({ [name]: target.value })}
            {...errorOf(issues, name)}
          />
        ))}
      </div>
    </Part>
  );
}
