import { expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { dataOf } from "./support/events-of.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute } from "./support/test-server.ts";
import { readTool, writeTool } from "./support/test-tools.ts";

async function start(config: Record<string, unknown>) {
  const ran: string[] = [];
  const world = fakeWorld();
  const run = (name: string) => () => {
    ran.push(name);
    return "done";
  };
  const tools = [readTool("look", run("look")), writeTool("change", run("change"))];
  const server = await serverForTest({ model: callingModel(), tools, world });
  const { id } = await server.createSession(config);
  const client = await server.connect(id);
  return { server, world, ran, client };
}

test.each(["look", "change"])(
  "a tool that the session asks about (%s) waits for a human, whatever it costs",
  async (name) => {
    const { ran, client } = await start({ tools: { [name]: "ask" } });

    const execution = execute(client, name);
    const { data: request } = await client.first("approval_required", execution);
    const before = [...ran];
    await ask(client, "approve", { request_id: request.request_id });
    const end = await client.end(execution);

    expect(request).toMatchObject({ amount: "0.00", reason: `This session asks before every ${name}.` });
    expect(before).toEqual([]);
    expect(ran).toEqual([name]);
    expect(end).toMatchObject({ type: "complete", data: { success: true } });
  },
);

test.each(["look", "change"])(
  "a tool that the session denies (%s) never runs and is never asked about",
  async (name) => {
    const { ran, client } = await start({ tools: { [name]: "deny" } });

    const execution = execute(client, name);
    await client.end(execution);

    expect(ran).toEqual([]);
    expect(dataOf(client, execution, "approval_required")).toEqual([]);
    expect(dataOf(client, execution, "tool_result")).toMatchObject([
      { success: false, error: { code: "policy_denied", message: expect.stringContaining(`tools.${name}`) } },
    ]);
  },
);

test("a cheap payment is asked about where the session asks before every payment", async () => {
  const { client } = await start({ tools: { pay_service: "ask" } });

  const execution = execute(client, 'pay_service {"service":"market-data"}');

  expect(await client.first("approval_required", execution)).toMatchObject({ data: { amount: "0.10" } });
});

test("an edited call runs with the changed arguments", async () => {
  const seen: unknown[] = [];
  const change = writeTool("change", (args) => {
    seen.push(args);
    return "done";
  });
  const server = await serverForTest({ model: callingModel(), tools: [change] });
  const { id } = await server.createSession({ tools: { change: "ask" } });
  const client = await server.connect(id);
  const execution = execute(client, 'change {"n":1}');
  const { data: request } = await client.first("approval_required", execution);

  await ask(client, "edit", { request_id: request.request_id, edited_args: { n: 2 } });
  await client.end(execution);

  expect(seen).toEqual([{ n: 2 }]);
});

test.each([
  ["threshold", "2", false],
  ["threshold", "1.999999", true],
])("a payment of exactly the %s of %s USD is asked about: %s", async (_, approval_threshold_usd, isAsked) => {
  const { client } = await start({ approval_threshold_usd });

  const execution = execute(client, 'pay_service {"service":"news"}');
  await client.find(({ type }) => type === "approval_required" || type === "complete");

  expect(dataOf(client, execution, "approval_required")).toHaveLength(isAsked ? 1 : 0);
});

test.each([
  ["a payee on the deny list", { deny: ["news"] }, "policy_denied"],
  ["a payee on the deny list in other letters", { deny: ["NEWS"] }, "policy_denied"],
  ["an address on the deny list", { deny: ["0x03"] }, "policy_denied"],
  ["a payee that is not on the allow list", { allow: ["market-data"] }, "policy_denied"],
  ["a payee on both lists", { allow: ["news"], deny: ["news"] }, "policy_denied"],
  ["a payee on the allow list", { allow: ["news"] }, undefined],
  ["an address on the allow list", { allow: ["0x03"] }, undefined],
])("%s is paid or not as the lists say", async (_, payees, code) => {
  const { world, client } = await start({ payees });

  const execution = execute(client, 'pay_service {"service":"news"}');
  await client.end(execution);

  expect(dataOf(client, execution, "tool_result")[0]?.error?.code).toBe(code);
  expect(world.signed.size).toBe(code === undefined ? 1 : 0);
  expect(dataOf(client, execution, "approval_required")).toEqual([]);
});

test("a payment above what a single one may be is refused, never asked about", async () => {
  const { world, client } = await start({ max_payment_usd: "24.99" });

  const execution = execute(client, 'pay_service {"service":"premium-report"}');
  const end = await client.end(execution);

  expect(dataOf(client, execution, "tool_result")).toMatchObject([{ error: { code: "policy_denied" } }]);
  expect(dataOf(client, execution, "approval_required")).toEqual([]);
  expect(end).toMatchObject({ type: "complete", data: { success: false } });
  expect(world.signed.size).toBe(0);
});

test("a tool that nobody knows cannot be configured", async () => {
  const { server } = await start({});

  const { status, body } = await server.http("POST", "/sessions", { body: { config: { tools: { launch: "deny" } } } });

  expect({ status, code: body.code }).toEqual({ status: 400, code: "invalid_message" });
});
