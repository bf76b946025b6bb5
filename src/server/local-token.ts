import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, lstatSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const tokenForm = /^local_[A-Za-z0-9_-]{43}$/;

/**
 * The access token of local mode, kept in `<dataDir>/access-token` for the owner's eyes only. Made at the
 * first start and the same ever after; a file that others could read is closed to them.
 */
export function localToken(dataDir: string): string {
  const path = join(dataDir, "access-token");
  mkdirSync(dataDir, { recursive: true });
  const state = lstatSync(path, { throwIfNoEntry: false });
  if (state === undefined) create(path);
  else if (!state.isFile()) throw new Error(`${path} is not a plain file; move it away and start again.`);
  chmodSync(path, 0o600);
  const token = readFileSync(path, "utf8").trim();
  if (!tokenForm.test(token)) {
    throw new Error(`${path} does not hold an access token; delete it, and the next start makes a new one.`);
  }
  return token;
}

/** Linking the finished file into place means that nobody ever reads half a token, and the first of two processes wins. */
function create(path: string): void {
  const draft = `${path}.${process.pid}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, `local_${randomBytes(32).toString("base64url")}\n`, { flag: "wx", mode: 0o600 });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    unlinkSync(draft);
  }
}
