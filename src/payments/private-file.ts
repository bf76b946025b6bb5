import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from "node:fs";
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
  renameSync(writeDraft(path, value), path);
}

/** Writes it as `writePrivateFile` does, unless there is one: of two processes the first one's stays. */
export function createPrivateFile(path: string, value: unknown): void {
  const draft = writeDraft(path, value);
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    unlinkSync(draft);
  }
}

function writeDraft(path: string, value: unknown): string {
  const draft = `${path}.${process.pid}.new`;
  const file = openSync(draft, "w", 0o600);
  writeSync(file, JSON.stringify(value, undefined, 2));
  fsyncSync(file);
  closeSync(file);
  return draft;
}
