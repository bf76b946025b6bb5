import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import type * as z from "zod";

/** Reads a JSON file; `undefined` when there is none. Throws when what it holds does not fit the schema. */
export function readPrivateFile<Schema extends z.ZodType>(path: string, schema: Schema): z.infer<Schema> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  return schema.parse(JSON.parse(text));
}

/** Writes a JSON file that only its owner may read, whole or not at all. */
export function writePrivateFile(path: string, value: unknown): void {
  const draft = `${path}.${process.pid}.new`;
  const file = openSync(draft, "w", 0o600);
  writeSync(file, JSON.stringify(value, undefined, 2));
  fsyncSync(file);
  closeSync(file);
  renameSync(draft, path);
}
