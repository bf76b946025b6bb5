import * as z from "zod";

/** A field of an object schema: its schema without what only says that it may be absent. */
export interface SchemaField {
  readonly name: string;
  readonly isOptional: boolean;
  readonly schema: z.ZodType;
}

/** The fields of an object schema, in order. */
export function fieldsOf(schema: z.ZodObject): SchemaField[] {
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    isOptional: field instanceof z.ZodOptional,
    schema: field as z.ZodType,
  }));
}

/** The schemas that a schema is made of, one level down. */
function partsOf(schema: z.ZodType): z.ZodType[] {
  const isWrapper =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly;
  // zod types the parts of its schemas by its core, which every schema extends.
  const parts = (): readonly unknown[] => {
    if (schema instanceof z.ZodObject) return Object.values(schema.shape);
    if (isWrapper) return [schema.unwrap()];
    if (schema instanceof z.ZodArray) return [schema.element];
    if (schema instanceof z.ZodRecord) return [schema.keyType, schema.valueType];
    if (schema instanceof z.ZodUnion) return schema.options;
    if (schema instanceof z.ZodTuple) return schema.def.items;
    if (schema instanceof z.ZodPipe) return [schema.in, schema.out];
    return [];
  };
  return parts() as z.ZodType[];
}

/** A schema and all that it is made of, each once. */
export function allSchemas(schema: z.ZodType, seen: Set<z.ZodType> = new Set()): Set<z.ZodType> {
  if (seen.has(schema)) return seen;
  seen.add(schema);
  for (const part of partsOf(schema)) allSchemas(part, seen);
  return seen;
}
