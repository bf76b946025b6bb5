import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { tryHold } from "./file-lock.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paygent-lock-"));
  return () => rmSync(folder, { recursive: true });
});

test("a file has one holder, until that one lets it go", () => {
  const path = join(folder, "lock");
  const hold = tryHold(path);

  expect(hold).toBeDefined();
  expect(tryHold(path)).toBeUndefined();

  hold?.close();
  const next = tryHold(path);
  expect(next).toBeDefined();
  next?.close();
});

test("what is no file is held by nobody, and the sentence says so", () => {
  expect(() => tryHold(folder)).toThrow(`The file ${folder} cannot be locked: unable to open database file.`);
});
