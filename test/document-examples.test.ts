import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "./support/test-server.ts";

const root = new URL("../", import.meta.url);
/** What the package's names stand for before it is built. */
const modules: Readonly<Record<string, string>> = {
  paygent: new URL("src/index.ts", root).href,
  "paygent/client": new URL("src/client/index.ts", root).href,
  "paygent/protocol": new URL("src/protocol/index.ts", root).href,
  zod: import.meta.resolve("zod"),
};
/** The programs of a page in their order, by what they print last. */
const programs: readonly [page: string, index: number, lastLine: RegExp][] = [
  ["README.md", 0, /^complete 2\.00 USD$/],
  ["README.md", 1, /^The wallet holds 100\.00 USDC; 50\.00 USD of this session's budget of 50\.00 USD is left\.$/],
  ["docs/sdk.md", 0, /^market-data 0\.10, news 2\.00, premium-report 25\.00/],
  ["docs/sdk.md", 1, /^status closed$/],
  ["docs/embedding.md", 0, /^Ordered 2 of tea\.$/],
  [
    "docs/embedding.md",
    1,
    /^The wallet holds 0\.00 USDC; 50\.00 USD of this session's budget of 50\.00 USD is left\.$/,
  ],
  ["docs/operations.md", 0, /^7 events, [0-9a-f]{64}$/],
];

let server: TestServer;
let folder: string;

beforeAll(async () => {
  server = await startTestServer();
  folder = mkdtempSync(join(tmpdir(), "paygent-examples-"));
  mkdirSync(join(folder, "data"));
  writeFileSync(join(folder, "data", "access-token"), `${await server.token()}\n`);
});

afterAll(async () => {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** The JavaScript programs that a page shows. */
function programsOf(page: string): string[] {
  const text = readFileSync(new URL(page, root), "utf8");
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, program = ""]) => program);
}

/** A session in which something has happened. */
async function usedSession(): Promise<string> {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  client.send({ type: "execute", data: { command: "check balance" } });
  await client.first("complete");
  return id;
}

test.each(programs)("the program of %s at %i runs as it stands", async (page, index, lastLine) => {
  const program = programsOf(page)[index] ?? "";
  const runnable = program
    .replaceAll(/ from "([^"]+)"/g, (whole, name: string) => (modules[name] ? ` from "${modules[name]}"` : whole))
    .replaceAll("127.0.0.1:8000", `127.0.0.1:${server.port}`);
  const file = join(folder, "example.mjs");
  writeFileSync(file, runnable);
  const env = { PATH: process.env.PATH, PAYGENT_TOKEN: await server.token() };

  const { stdout } = await promisify(execFile)(process.execPath, [file, await usedSession()], {
    cwd: folder,
    env,
    timeout: 18_000,
  });

  expect(stdout.trimEnd().split("\n").at(-1)).toMatch(lastLine);
});

test("every program that a page shows is run", () => {
  const shown = [...new Set(programs.map(([page]) => page))].flatMap((page) =>
    programsOf(page).map((_, index) => `${page} ${index}`),
  );

  expect(programs.map(([page, index]) => `${page} ${index}`)).toEqual(shown);
});
