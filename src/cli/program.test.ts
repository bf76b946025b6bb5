import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import picocolors from "picocolors";
import { expect, test } from "vitest";
import { noDemo } from "../../test/support/no-demo.ts";
import { noWallet } from "../../test/support/no-wallet.ts";
import type { ApprovalRequired } from "../protocol/events.ts";
import { isCovered } from "./decisions.ts";
import { nodeVersion } from "./doctor-checks.ts";
import { type CliParts, runCli } from "./program.ts";
import { clientOf } from "./server-access.ts";
import { banner } from "./start.ts";
import type { Terminal } from "./terminal.ts";

const colors = picocolors.createColors(false);

function silentTerminal() {
  const printed: string[] = [];
  const noted: string[] = [];
  const terminal: Terminal = {
    isInteractive: false,
    columns: 80,
    colors,
    write: (text) => void printed.push(text),
    print: (line) => void printed.push(line),
    note: (line) => void noted.push(line),
    readInput: async () => "",
    onInterrupt: () => () => undefined,
    onStop: () => () => undefined,
  };
  return { terminal, printed, noted };
}

const parts: CliParts = {
  version: "1.2.3",
  wallet: noWallet,
  startServer: () => Promise.reject(new Error("Port 8000 is taken.")),
  checkModel: () => undefined,
  checkNetwork: async () => undefined,
  checkWallet: async () => undefined,
  ...noDemo,
  async *verifySessions() {
    yield { sessionId: "s1", isIntact: true, events: 3, lastSeq: 3, headHash: "ab".repeat(32) };
    yield { sessionId: "s2", isIntact: false, events: 9, lastSeq: 9, headHash: "", problem: "Event 4 was altered." };
  },
  async *verifyFiles() {
    yield { sessionId: "s3", isIntact: true, events: 1, lastSeq: 1, headHash: "cd".repeat(32) };
  },
  archiveSettings: async () => ({ retentionDays: undefined, archiveDir: "archive" }),
  async *archiveEvents({ isDryRun }) {
    const batch = { sessionId: "s1", firstSeq: 1, lastSeq: 40 };
    yield isDryRun ? { ...batch, outcome: "due" } : { ...batch, outcome: "archived", path: "archive/s1/1-40.jsonl" };
    yield { sessionId: "s2", outcome: "nothing" };
    if (!isDryRun) yield { sessionId: "s3", outcome: "refused", problem: new Error("Event 4 does not fit its hash.") };
  },
};

async function cli(args: string[], env: Record<string, string> = {}) {
  const { terminal, printed, noted } = silentTerminal();
  const code = await runCli(args, env, parts, terminal);
  return { code, out: printed.join("\n"), err: noted.join("\n") };
}

/** Nothing listens on the discard port of loopback. */
const nowhere = ["--url", "http://127.0.0.1:9", "--token", "t"];

test.each([
  [["nonsense"], "unknown command"],
  [["run"], "missing required argument"],
  [["run", "pay", "--budget", "1e3"], "USD amount"],
  [["watch", "id", "--from-seq", "-1"], "whole number"],
  [["approvals", "edit", "id", "--args", "[1]"], "JSON object"],
  [["sessions", "create", "--token", "t", "--config", '{"budget":"5"}'], "budget"],
  [["sessions", "delete", "id"], "--yes"],
  [["verify", "--checkpoint", "4"], "64 digits"],
  [["verify", "--checkpoint", `4:${"0".repeat(64)}`], "one session"],
  [["verify", "id", "--file", "log.jsonl"], "not both"],
  [["verify", "--checkpoint", `4:${"0".repeat(64)}`, "--checkpoints", "noted"], "not both"],
  [["archive"], "--days 90"],
  [["archive", "--days", "0"], "at least one"],
])("%j is a usage error", async (args, message) => {
  const { code, err } = await cli(args);

  expect(code).toBe(2);
  expect(err).toContain(message);
});

test("help and version are no errors", async () => {
  expect(await cli(["--version"])).toMatchObject({ code: 0, out: "1.2.3\n" });
  expect(await cli(["run", "--help"])).toMatchObject({ code: 0, out: expect.stringContaining("--approve-up-to") });
});

test("a server that does not answer is exit code 4", async () => {
  const { code, err } = await cli(["sessions", ...nowhere]);

  expect(code).toBe(4);
  expect(err).toContain("Nothing answers at http://127.0.0.1:9");
});

test("with --json an error is JSON with the server's code", async () => {
  const { err } = await cli(["sessions", "list", ...nowhere, "--json"]);

  expect(JSON.parse(err)).toMatchObject({ error: { code: "unavailable" } });
});

test("no token is exit code 5 and tells where one comes from", async () => {
  const { code, err } = await cli(["approvals"], { PAYGENT_DATA_DIR: "does/not/exist" });

  expect(code).toBe(5);
  expect(err).toContain("does/not/exist/access-token");
});

test("the local token file is used for loopback and for no other address", () => {
  const folder = mkdtempSync(join(tmpdir(), "paygent-cli-"));
  writeFileSync(join(folder, "access-token"), "local_secret\n");
  const env = { PAYGENT_DATA_DIR: folder };

  expect(() => clientOf({ url: "http://localhost:8000" }, env)).not.toThrow();
  expect(() => clientOf({ url: "http://127.0.0.1.example.org" }, env)).toThrow("--token or PAYGENT_TOKEN");
});

test("verify names the broken session and ends with 1", async () => {
  const { code, out } = await cli(["verify"]);

  expect(code).toBe(1);
  expect(out).toContain("✓ s1");
  expect(out).toContain("Event 4 was altered.");
});

test("a start that fails tells why and ends with 1", async () => {
  expect(await cli(["start"])).toMatchObject({ code: 1, err: "✗ Port 8000 is taken." });
});

test("the banner holds the token only in the fragment of the console's address", () => {
  const running = { url: "http://127.0.0.1:8123", accessToken: "local_x", close: async () => undefined };

  const lines = banner(running, "my data", colors);

  expect(lines.filter((line) => line.includes("local_x"))).toEqual(["  console  http://127.0.0.1:8123/#token=local_x"]);
  expect(lines.join("\n")).toContain("PAYGENT_URL=http://127.0.0.1:8123 PAYGENT_DATA_DIR='my data' npx paygent run");
});

test("--approve-up-to covers payments up to its amount and nothing that is free", () => {
  const costing = (estimated_cost: string) => ({ estimated_cost }) as ApprovalRequired;

  expect(isCovered(costing("0.50"), "0.5")).toBe(true);
  expect(isCovered(costing("0.500001"), "0.5")).toBe(false);
  expect(isCovered(costing("0.00"), "0.5")).toBe(false);
  expect(isCovered(costing("0.10"), undefined)).toBe(false);
});

test("Node from 22.18 on is new enough", () => {
  expect(["20.19.0", "22.17.1", "22.18.0", "24.1.0"].map((version) => nodeVersion(version).state)).toEqual([
    "fail",
    "fail",
    "ok",
    "ok",
  ]);
});

test("archive names the files and what it refuses, and a dry run only tells", async () => {
  const done = await cli(["archive", "--days", "30"]);
  const dry = await cli(["archive", "--days", "30", "--dry-run", "--json"]);

  expect(done.code).toBe(1);
  expect(done.out).toContain("s1  events 1 to 40  archive/s1/1-40.jsonl");
  expect(done.out).toContain("Event 4 does not fit its hash.");
  expect(done.err).toContain("40 events archived, 1 sessions refused");
  expect(dry.code).toBe(0);
  expect(dry.out.split("\n").map((line) => JSON.parse(line))).toMatchObject([
    { sessionId: "s1", outcome: "due", firstSeq: 1, lastSeq: 40 },
    { sessionId: "s2", outcome: "nothing" },
  ]);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("archive that %s stops tells what it did until then, and ends with %d", async (name, expected) => {
  const { terminal, printed } = silentTerminal();
  let isListening = false;
  let stop = (_: typeof name) => {};
  const onStop: Terminal["onStop"] = (listener) => {
    isListening = true;
    stop = listener;
    return () => {
      isListening = false;
    };
  };
  const archiveEvents: CliParts["archiveEvents"] = async function* ({ signal }) {
    yield { sessionId: "s1", outcome: "due", firstSeq: 1, lastSeq: 40 };
    stop(name);
    if (!signal.aborted) yield { sessionId: "s2", outcome: "due", firstSeq: 1, lastSeq: 40 };
  };

  const code = await runCli(["archive", "--days", "30"], {}, { ...parts, archiveEvents }, { ...terminal, onStop });

  expect(code).toBe(expected);
  expect(printed.join("\n")).toBe("○ s1  events 1 to 40");
  expect(isListening).toBe(false);
});
