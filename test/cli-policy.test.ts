import picocolors from "picocolors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliParts, runCli } from "../src/cli/program.ts";
import type { Terminal } from "../src/cli/terminal.ts";
import { noDemo } from "./support/no-demo.ts";
import { noWallet } from "./support/no-wallet.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const buyReport = 'pay_service {"service":"premium-report"}';
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel() });
});

afterAll(() => server.remove());

const parts: CliParts = {
  version: "1.2.3",
  wallet: noWallet,
  checkNetwork: async () => undefined,
  checkWallet: async () => undefined,
  startServer: () => Promise.reject(new Error("Not here.")),
  checkModel: () => undefined,
  ...noDemo,
  async *verifySessions() {},
  async *verifyFiles() {},
  archiveSettings: () => Promise.reject(new Error("Not asked for.")),
  async *archiveEvents() {},
};

const cli = async (...args: string[]) => cliWith(await server.token(), ...args);

async function cliWith(token: string, ...args: string[]) {
  const lines: string[] = [];
  const terminal: Terminal = {
    isInteractive: false,
    columns: 200,
    colors: picocolors.createColors(false),
    write: (text) => void lines.push(text),
    print: (line) => void lines.push(line),
    note: (line) => void lines.push(line),
    readInput: async () => "",
    onInterrupt: () => () => undefined,
    onStop: () => () => undefined,
  };
  const access = ["--url", server.url, "--token", token];
  const code = await runCli([...args, ...access], {}, parts, terminal);
  return { code, out: lines.join("\n") };
}

async function askAboutReport() {
  const { id } = await server.createSession({ budget_usd: "1000", daily_budget_usd: "1000" });
  const client = await server.connect(id);
  const execution = execute(client, buyReport);
  const { data: request } = await client.first("approval_required", execution);
  return { id, client, execution, request };
}

test("an approval is remembered, listed as a rule, and the rule revoked", async () => {
  const { id, client, execution, request } = await askAboutReport();

  const until = "2099-01-01T00:00:00.000Z";
  const limits = ["--remember", "25", "--remember-total", "60", "--remember-until", until];
  const approved = await cli("approvals", "approve", request.request_id, ...limits);
  await client.end(execution);
  const listed = await cli("rules", "list", id, "--json");
  const rule = JSON.parse(listed.out);
  const unasked = await client.end(execute(client, buyReport));
  const revoked = await cli("rules", "revoke", rule.id);
  const asked = execute(client, buyReport);

  expect([approved.code, revoked.code]).toEqual([0, 0]);
  expect(rule).toMatchObject({
    tool_name: "pay_service",
    payee: "premium-report",
    max_amount: "25.00",
    total: "60.00",
    expires_at: until,
  });
  expect(unasked.type).toBe("complete");
  expect((await client.first("approval_required", asked)).data.tool_name).toBe("pay_service");
});

test("the record of a decision is shown", async () => {
  const { client, execution, request } = await askAboutReport();
  await cli("approvals", "approve", request.request_id);
  await client.end(execution);

  const shown = await cli("approvals", "show", request.request_id);
  const json = await cli("approvals", "show", request.request_id, "--json");

  const { bound_hash } = JSON.parse(json.out);
  expect(bound_hash).toMatch(/^[0-9a-f]{64}$/);
  for (const part of [bound_hash, "approved", "by alice", "approval_threshold_usd", "premium-report 0x03"]) {
    expect(shown.out).toContain(part);
  }
});

test("payments are frozen, listed as frozen, and let go again", async () => {
  const { id } = await askAboutReport();

  const frozen = await cli("freeze", id, "--reason", "Looks odd.");
  const listed = await cli("freeze", "--list");
  const lifted = await cli("unfreeze", id);
  const none = await cli("freeze", "--list");
  const all = await cli("freeze", "--all");

  expect([frozen.code, lifted.code, all.code]).toEqual([0, 0, 5]);
  expect(frozen.out).toContain(`session ${id}: payments frozen`);
  expect(listed.out).toMatch(new RegExp(`session +${id} +alice .*Looks odd\\.`));
  expect(none.out).toBe("Nothing is frozen.");
});

test("tokens are revoked with a token that may", async () => {
  const admin = await server.token("root", { scope: "admin" });

  const refused = await cli("revoke", "--user", "carol");
  const user = await cliWith(admin, "revoke", "--user", "carol");
  const one = await cliWith(admin, "revoke", "--token-id", "one", "--json");

  expect([refused.code, user.code, one.code]).toEqual([5, 0, 0]);
  expect(user.out).toMatch(/^tokens of carol that were issued before: revoked at \S+Z by root$/);
  expect(JSON.parse(one.out)).toMatchObject({ token_id: "one", by: "root" });
  expect((await server.http("GET", "/sessions", { userId: "carol" })).status).toBe(401);
});

test.each([
  [["freeze", "an-id", "--all"], "not both"],
  [["revoke"], "Give --user or --token-id"],
  [["revoke", "--user", "bob", "--token-id", "one"], "Give --user or --token-id"],
  [["approvals", "approve", "an-id", "--remember-total", "5"], "--remember"],
  [["approvals", "approve", "an-id", "--remember", "5", "--remember-until", "tomorrow"], "Give a time"],
])("%j is a usage error", async (args, message) => {
  const { code, out } = await cli(...args);

  expect(code).toBe(2);
  expect(out).toContain(message);
});
