import { execFileSync, spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mutant } from "../test/mutants/mutant.ts";

/**
 * Plants each defect of test/mutants/ in a copy of the sources and runs the test that must catch it. Ends with
 * 1 when a test passes all the same. Words on the command line choose lists (`door`) or promises (`I13`).
 */
const root = fileURLToPath(new URL("..", import.meta.url));
const atOnce = 2;
const timeoutMs = 300_000;

async function readMutants(words: readonly string[]): Promise<Mutant[]> {
  const folder = join(root, "test/mutants");
  const found: Mutant[] = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".ts") && name !== "mutant.ts")) {
    const list = file.slice(0, -".ts".length);
    // Whatever the files of planted defects export is a list of them.
    const exported: Record<string, readonly Mutant[]> = await import(join(folder, file));
    const mutants = Object.values(exported).flat();
    found.push(
      ...mutants.filter(({ promise }) => words.length === 0 || words.includes(list) || words.includes(promise)),
    );
  }
  return found;
}

/** What is in version control or about to be, as it stands now, with the installed libraries beside it. */
function copySources(): string {
  const copy = mkdtempSync(join(tmpdir(), "paygent-mutants-"));
  const list = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  for (const path of new Set(list.toString().split("\0").filter(Boolean))) {
    // What was removed but not yet committed is in the list and no longer there.
    if (existsSync(join(root, path))) cpSync(join(root, path), join(copy, path));
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

const postgres = process.env.DATABASE_URL || "postgres://postgres@127.0.0.1:5432/postgres";

/** Runs tests in a copy and says whether they passed. */
function runTests(copy: string, tests: readonly string[], onPostgres: boolean): Promise<boolean> {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", "--maxWorkers", "1", "--bail", "1", ...tests], {
    cwd: copy,
    env: { ...process.env, DATABASE_URL: onPostgres ? postgres : "" },
    stdio: "ignore",
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code === 0));
  });
}

function plant(copy: string, { file, find, replace }: Mutant): () => void {
  const path = join(copy, file);
  const text = readFileSync(path, "utf8");
  if (text.split(find).length !== 2) throw new Error(`In ${file} this does not stand exactly once: ${find}`);
  // A function, because a string would have its dollar signs replaced.
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  return () => writeFileSync(path, text);
}

async function isCaught(copy: string, mutant: Mutant): Promise<boolean> {
  const pullOut = plant(copy, mutant);
  try {
    return !(await runTests(copy, [mutant.test], mutant.onPostgres === true));
  } finally {
    pullOut();
  }
}

const mutants = await readMutants(process.argv.slice(2));
const copies = Array.from({ length: atOnce }, copySources);
const survivors: Mutant[] = [];
let failure: string | undefined;
try {
  const tests = [...new Set(mutants.map(({ test }) => test))];
  const waiting = [...mutants];
  const needsPostgres = (test: string) => mutants.some((mutant) => mutant.test === test && mutant.onPostgres);
  const share = async (copy: string, own: readonly string[]) => {
    for (const test of own)
      if (!(await runTests(copy, [test], needsPostgres(test)))) failure = `${test} fails without any defect.`;
    for (let mutant = waiting.shift(); mutant !== undefined && failure === undefined; mutant = waiting.shift()) {
      const startedAt = performance.now();
      const caught = await isCaught(copy, mutant);
      if (!caught) survivors.push(mutant);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
      process.stdout.write(
        `${caught ? "caught  " : "SURVIVED"} ${mutant.promise.padEnd(4)} ${mutant.defect} (${mutant.test}, ${seconds} s)\n`,
      );
    }
  };
  await Promise.all(
    copies.map((copy, index) =>
      share(
        copy,
        tests.filter((_, place) => place % atOnce === index),
      ),
    ),
  );
} finally {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
}
if (failure === undefined) process.stdout.write(`${mutants.length} defects planted, ${survivors.length} survived\n`);
else process.stdout.write(`${failure}\n`);
process.exitCode = failure === undefined && survivors.length === 0 && mutants.length > 0 ? 0 : 1;
