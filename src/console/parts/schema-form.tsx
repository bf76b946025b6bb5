// Not the package itself: that brings along a validator for tests, which needs ajv.
import Form from "@rjsf/core/lib/components/Form.js";
import type { RJSFSchema } from "@rjsf/utils";
import { validator } from "../approval/validator.ts";

type Args = Readonly<Record<string, unknown>>;

/** A tool's arguments as fields of its JSON Schema, inside a form of the screen's own. */
export function SchemaForm({
  schema,
  args,
  idPrefix,
  onChange,
}: {
  readonly schema: Args;
  readonly args: Args;
  readonly idPrefix: string;
  readonly onChange: (args: Args) => void;
}) {
  return (
    <Form
      className="schema-form"
      // A form stands in no form; this one has no button and sends nothing.
      tagName="div"
      // The server sends the JSON Schema that it checks arguments against.
      schema={schema as RJSFSchema}
      validator={validator}
      formData={args}
      liveValidate="onChange"
      showErrorList={false}
      idPrefix={idPrefix}
      onChange={({ formData }) => onChange(withoutAbsent(formData))}
    >
      {/* Without children the library adds a button. */}
      <span />
    </Form>
  );
}

/** An emptied field is an argument that is not given. */
export function withoutAbsent(formData: unknown): Args {
  return Object.fromEntries(Object.entries({ ...(formData as Args) }).filter(([, value]) => value !== undefined));
}
