import { useMemo, useState } from "react";
import type { Session } from "../../protocol/resources.ts";
import { Button } from "../parts/button.tsx";
import { Notice } from "../parts/notice.tsx";
import { AmountFields, PayeeBudgetFields, VelocityFields } from "./amount-fields.tsx";
import { changesOf } from "./changes.ts";
import { draftOf, readDraft } from "./draft.ts";
import type { FieldsProps } from "./fields.ts";
import { ListFields, ToolFields } from "./list-fields.tsx";
import { ApproverFields, TimeFields } from "./people-fields.tsx";
import { ReviewDialog } from "./review-dialog.tsx";

/** All settings of a session. What would change is shown before it is saved, and only that is sent. */
export function PolicyForm({
  session,
  tools,
  onSaved,
}: {
  readonly session: Session;
  readonly tools: readonly string[];
  readonly onSaved: () => void;
}) {
  const [base, setBase] = useState(session);
  const [draft, setDraft] = useState(() => draftOf(session.config));
  const [isReviewing, setIsReviewing] = useState(false);
  const [told, setTold] = useState<string>();
  const { config, issues } = useMemo(() => readDraft(draft), [draft]);
  const changes = useMemo(() => (config === undefined ? [] : changesOf(base.config, config)), [base, config]);
  const isModelTakenAway = base.config.model !== undefined && draft.model.trim() === "";
  const known = isModelTakenAway
    ? new Map([...issues, ["model", "A model that was set can only be changed."]])
    : issues;

  const fields: FieldsProps = {
    draft,
    issues: known,
    change: (part) => {
      setTold(undefined);
      setDraft((before) => ({ ...before, ...part }));
    },
  };
  const saved = (now: Session) => {
    setIsReviewing(false);
    setBase(now);
    setDraft(draftOf(now.config));
    setTold(`Saved as policy version ${now.policy_version}. It holds for every call from now on.`);
    onSaved();
  };
  return (
    <form
      noValidate
      className="grid gap-8"
      onSubmit={(event) => {
        event.preventDefault();
        if (known.size === 0 && changes.length > 0) setIsReviewing(true);
      }}
    >
      <AmountFields {...fields} />
      <VelocityFields {...fields} />
      <PayeeBudgetFields {...fields} />
      <ToolFields {...fields} tools={tools} />
      <ListFields {...fields} />
      <ApproverFields {...fields} />
      <TimeFields {...fields} />
      <div className="sticky -bottom-5 -mx-4 -mb-5 grid gap-2 border-line border-t bg-canvas px-4 py-3 md:-mx-8 md:px-8">
        {told === undefined ? null : <Notice look="good">{told}</Notice>}
        <div className="flex flex-wrap items-center gap-3">
          <Button look="primary" type="submit" disabled={known.size > 0 || changes.length === 0}>
            Review and save…
          </Button>
          <Button
            disabled={known.size === 0 && changes.length === 0}
            onClick={() => {
              setTold(undefined);
              setDraft(draftOf(base.config));
            }}
          >
            Undo
          </Button>
          <p role="status" className={known.size > 0 ? "text-bad" : "text-soft"}>
            {standing(known.size, changes.length)}
          </p>
        </div>
      </div>
      {isReviewing && config !== undefined ? (
        <ReviewDialog
          sessionId={session.id}
          config={config}
          changes={changes}
          onSaved={saved}
          onClose={() => setIsReviewing(false)}
        />
      ) : null}
    </form>
  );
}

function standing(wrong: number, changed: number): string {
  if (wrong > 0) return wrong === 1 ? "One field is not right yet." : `${wrong} fields are not right yet.`;
  if (changed === 0) return "Nothing is changed.";
  return changed === 1 ? "One setting would change." : `${changed} settings would change.`;
}
