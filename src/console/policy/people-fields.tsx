import { newId } from "../../protocol/new-id.ts";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { Select } from "../parts/select.tsx";
import { TextArea } from "../parts/text-area.tsx";
import type { QuorumRow } from "./draft.ts";
import { errorOf, type FieldsProps } from "./fields.ts";
import { Part } from "./part.tsx";

/** Who decides, and how many must. */
export function ApproverFields({ draft, issues, change }: FieldsProps) {
  const { quorum: rows } = draft;
  const set = (key: string, part: Partial<QuorumRow>) =>
    change({ quorum: rows.map((row) => (row.key === key ? { ...row, ...part } : row)) });
  return (
    <Part
      title="Who decides"
      about="Without approvers the owner does. A payment above an amount can need several of them, whoever gave the command not among them."
    >
      <TextArea
        label="Approvers"
        hint="Users, one a line."
        value={draft.approvers}
        spellCheck={false}
        onChange={({ target }) => change({ approvers: target.value })}
        {...errorOf(issues, "approvers")}
      />
      {rows.map(({ key, above, approvals }, index) => (
        <div key={key} className="grid grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto] items-start gap-2">
          <Field
            label={`Tier ${index + 1}: above, USD`}
            inputMode="decimal"
            value={above}
            onChange={({ target }) => set(key, { above: target.value })}
            {...errorOf(issues, `quorum.${key}`)}
          />
          <Field
            label={`Tier ${index + 1}: approvals`}
            inputMode="numeric"
            value={approvals}
            onChange={({ target }) => set(key, { approvals: target.value })}
          />
          <Button
            className="mt-5"
            aria-label={`Remove tier ${index + 1}`}
            onClick={() => change({ quorum: rows.filter((row) => row.key !== key) })}
          >
            Remove
          </Button>
        </div>
      ))}
      <Button
        className="justify-self-start"
        onClick={() => change({ quorum: [...rows, { key: newId(), above: "", approvals: "2" }] })}
      >
        Add a tier
      </Button>
    </Part>
  );
}

const times = [
  ["approval_timeout_s", "A request waits, seconds"],
  ["execution_timeout_s", "An execution may work, seconds"],
  ["max_steps", "Steps of an execution"],
] as const;

/** How long things may take, and how they are done. */
export function TimeFields({ draft, issues, change }: FieldsProps) {
  return (
    <Part
      title="Time and work"
      about="An approved payment can be signed until its request's time is over. Waiting for a person does not count as work."
    >
      <div className="grid items-end gap-3 sm:grid-cols-2">
        {times.map(([name, label]) => (
          <Field
            key={name}
            label={label}
            inputMode="numeric"
            value={draft[name]}
            onChange={({ target }) => change({ [name]: target.value })}
            {...errorOf(issues, name)}
          />
        ))}
        <Select
          label="A command while another is worked on"
          value={draft.if_busy}
          onChange={({ target }) => change({ if_busy: target.value === "reject" ? "reject" : "queue" })}
          options={[
            ["queue", "waits"],
            ["reject", "is refused"],
          ]}
        />
        <Field
          label="Model"
          placeholder="the server's"
          maxLength={200}
          value={draft.model}
          onChange={({ target }) => change({ model: target.value })}
          {...errorOf(issues, "model")}
        />
      </div>
    </Part>
  );
}
