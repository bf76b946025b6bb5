// Not the package itself: that brings along a validator for tests, which needs ajv.
import Form from "@rjsf/core/lib/components/Form.js";
import type { RJSFSchema } from "@rjsf/utils";
import { useCallback, useState } from "react";
import type { ApprovalRequired } from "../../protocol/events.ts";
import { usePaygent } from "../../react/index.ts";
import { Button } from "../parts/button.tsx";
import { Loading } from "../parts/loading.tsx";
import { withoutAbsent } from "../parts/schema-form.tsx";
import { plainText } from "../plain-text.ts";
import { useLoaded } from "../use-loaded.ts";
import { CardActions } from "./card-actions.tsx";
import { validator } from "./validator.ts";

type Args = Readonly<Record<string, unknown>>;

/** The call's arguments as a form of its tool's schema, and what would change, before it is sent. */
export function EditForm({
  request,
  isSending,
  onSend,
  onBack,
}: {
  readonly request: ApprovalRequired;
  readonly isSending: boolean;
  readonly onSend: (args: Record<string, unknown>) => void;
  readonly onBack: () => void;
}) {
  const client = usePaygent();
  const [tools, again] = useLoaded(useCallback(() => client.tools.list(), [client]));
  const [args, setArgs] = useState<Args>(request.tool_args);
  const changes = changesOf(request.tool_args, args);
  return (
    <div className="mt-3">
      <Loading of={tools} again={again}>
        {({ data }) => (
          <Form
            className="schema-form"
            // The server sends the JSON Schema that it checks arguments against.
            schema={(data.find(({ name }) => name === request.tool_name)?.args_schema ?? {}) as RJSFSchema}
            validator={validator}
            formData={args}
            liveValidate="onChange"
            showErrorList={false}
            idPrefix={`edit-${request.request_id}`}
            onChange={({ formData }) => setArgs(withoutAbsent(formData))}
            onSubmit={({ formData }) => onSend({ ...withoutAbsent(formData) })}
          >
            <Changes changes={changes} />
            <CardActions isSending={isSending}>
              <Button look="primary" type="submit" disabled={isSending || changes.length === 0}>
                Send changed call
              </Button>
              <Button onClick={onBack}>Back</Button>
            </CardActions>
          </Form>
        )}
      </Loading>
    </div>
  );
}

interface Change {
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
}

function Changes({ changes }: { readonly changes: readonly Change[] }) {
  if (changes.length === 0) return <p className="mt-3 text-soft">Nothing is changed yet.</p>;
  return (
    <section aria-label="Changes" className="mt-3 rounded-md border border-line bg-panel p-2 font-mono text-xs">
      {changes.map(({ name, before, after }) => (
        <div key={name}>
          {before === undefined ? null : (
            <p className="text-bad">
              − {name}: {plainText(JSON.stringify(before))}
            </p>
          )}
          {after === undefined ? null : (
            <p className="text-good">
              + {name}: {plainText(JSON.stringify(after))}
            </p>
          )}
        </div>
      ))}
    </section>
  );
}

function changesOf(before: Args, after: Args): Change[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .map((name) => ({ name, before: before[name], after: after[name] }))
    .filter((change) => JSON.stringify(change.before) !== JSON.stringify(change.after));
}
