import { type Schema, Validator } from "@cfworker/json-schema";
import type { ErrorSchema, RJSFSchema, RJSFValidationError, ValidatorType } from "@rjsf/utils";

/** Checks the form without making code of the schema, which the Content-Security-Policy forbids. */
export const validator: ValidatorType = {
  validateFormData(formData, schema) {
    const errors = check(schema, formData);
    const errorSchema: Record<string, unknown> = {};
    for (const { property = "", message = "" } of errors) {
      const field = property.replace(/^\./, "");
      const known = errorSchema[field] as { __errors: string[] } | undefined;
      if (field !== "") errorSchema[field] = { __errors: [...(known?.__errors ?? []), message] };
    }
    // Built in the shape that the form's library names so.
    return { errors, errorSchema: errorSchema as ErrorSchema };
  },
  isValid: (schema, formData) => check(schema, formData).length === 0,
  rawValidation: (schema, formData) => ({ errors: check(schema, formData) as never[] }),
};

function check(schema: RJSFSchema, value: unknown): RJSFValidationError[] {
  // Both are JSON Schema; the two libraries only name its parts differently.
  const { errors } = new Validator(schema as Schema, "2020-12", false).validate(value ?? {});
  return errors
    .filter(({ keyword }) => keyword !== "properties")
    .map(({ instanceLocation, keyword, error }) => ({
      name: keyword,
      message: error,
      property: instanceLocation.replace(/^#/, "").replaceAll("/", "."),
      stack: error,
    }));
}
