import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { ArchiveFolder } from "./archive-folder.ts";

let path: string;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "paygent-archive-"));
  return () => rmSync(path, { recursive: true });
});

test("a folder without a mark is none of the database's", async () => {
  await expect(new ArchiveFolder(path, "ours").check()).rejects.toThrow("has none of this database's archived events");
});

test("a mark that cannot be read says why, and not that the archive is missing", async () => {
  // A folder is what even root cannot read as a file.
  mkdirSync(join(path, "archive-id"));

  await expect(new ArchiveFolder(path, "ours").check()).rejects.toThrow("EISDIR");
});
