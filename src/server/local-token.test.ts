import { chmodSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { localToken } from "./local-token.ts";

const freshFolder = () => join(mkdtempSync(join(tmpdir(), "paygent-token-")), "data");

test("the first start makes a token, and every later one reads the same", () => {
  const folder = freshFolder();

  const token = localToken(folder);

  expect(token).toMatch(/^local_[A-Za-z0-9_-]{43}$/);
  expect(localToken(folder)).toBe(token);
  expect(readFileSync(join(folder, "access-token"), "utf8").trim()).toBe(token);
  expect(readdirSync(folder)).toEqual(["access-token"]);
});

test("two folders have two tokens", () => {
  expect(localToken(freshFolder())).not.toBe(localToken(freshFolder()));
});

test("the file is for its owner only, also when it was opened to others since", () => {
  const folder = freshFolder();
  const path = join(folder, "access-token");
  localToken(folder);
  expect(statSync(path).mode & 0o777).toBe(0o600);

  chmodSync(path, 0o644);
  localToken(folder);

  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a file that holds no token is refused by its name, not by its content", () => {
  const folder = freshFolder();
  localToken(folder);
  writeFileSync(join(folder, "access-token"), "hunter2");

  expect(() => localToken(folder)).toThrow(/access-token does not hold an access token/);
  expect(() => localToken(folder)).not.toThrow(/hunter2/);
});

test("a link in the place of the file is refused", () => {
  const other = freshFolder();
  localToken(other);
  const folder = mkdtempSync(join(tmpdir(), "paygent-token-"));
  symlinkSync(join(other, "access-token"), join(folder, "access-token"));

  expect(() => localToken(folder)).toThrow(/not a plain file/);
});
