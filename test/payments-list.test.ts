import picocolors from "picocolors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../src/cli/program.ts";
import { createClient } from "../src/client/index.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ model: callingModel() });
});

afterAll(() => server.remove());

async function buy(
  services: readonly string[],
  user: string = crypto.randomUUID(),
  config: Record<string, unknown> = {},
) {
  const { id } = await server.createSession(config, user);
  const client = await server.connect(id, { userId: user });
  const executions: string[] = [];
  for (const service of services) {
    const execution = execute(client, `pay_service ${JSON.stringify({ service })}`);
    executions.push(execution);
    await client.end(execution);
  }
  const list = async (query = "") =>
    (await server.http("GET", `/payments?session_id=${id}${query}`, { userId: user })).body;
  return { id, user, executions, list };
}

test("payments are listed newest first, page by page, and filtered by each of their traits", async () => {
  const { user, executions, list } = await buy(["market-data", "news", "market-data"]);

  const all = await list();
  const firstPage = await list("&limit=2");
  const secondPage = await list(`&limit=2&cursor=${firstPage.next_cursor}`);

  expect(all.data.map(({ payee }: { payee: string }) => payee)).toEqual(["market-data", "news", "market-data"]);
  expect([...firstPage.data, ...secondPage.data]).toEqual(all.data);
  expect(secondPage.next_cursor).toBeNull();
  const [newest, middle] = all.data;
  expect((await list("&payee=NEWS")).data).toEqual([middle]);
  expect((await list(`&payee=${newest.pay_to}`)).data).toHaveLength(3);
  expect((await list(`&execution_id=${executions[1]}`)).data).toEqual([middle]);
  expect((await list("&state=settled")).data).toHaveLength(3);
  expect((await list("&state=expired")).data).toEqual([]);
  expect((await list(`&from=${newest.quoted_at}`)).data).toEqual([newest]);
  expect((await list(`&to=${middle.quoted_at}`)).data).toEqual([all.data[2]]);
  expect((await server.http("GET", "/payments?state=paid", { userId: user })).status).toBe(400);
});

test("somebody else's payment answers like one that is not there", async () => {
  const { id, user, list } = await buy(["market-data"]);
  const [{ payment_id }] = (await list()).data;

  const own = await server.http("GET", `/payments/${payment_id}`, { userId: user });
  const foreign = await server.http("GET", `/payments/${payment_id}`, { userId: "mallory" });
  const unknown = await server.http("GET", `/payments/${crypto.randomUUID()}`, { userId: "mallory" });
  const statement = await server.http("GET", `/payments/statement?session_id=${id}`, { userId: "mallory" });
  const listed = await server.http("GET", `/payments?session_id=${id}`, { userId: "mallory" });

  expect(own.status).toBe(200);
  expect([foreign.status, foreign.body.detail]).toEqual([unknown.status, unknown.body.detail]);
  expect([foreign.status, statement.status]).toEqual([404, 404]);
  expect(listed.body.data).toEqual([]);
});

test("an approver of a session sees its payments", async () => {
  const { list } = await buy(["market-data"], crypto.randomUUID(), { approvers: ["treasurer"] });
  const [{ payment_id }] = (await list()).data;

  const { body } = await server.http("GET", "/payments", { userId: "treasurer" });

  expect(body.data).toMatchObject([{ payment_id }]);
});

test("a statement adds up to the unit what settled in its period, as JSON and as CSV", async () => {
  const { id, user, list } = await buy(["market-data", "news", "market-data"]);
  const [newest] = (await list()).data;
  const path = `/payments/statement?session_id=${id}`;

  const { body: whole } = await server.http("GET", path, { userId: user });
  const { body: earlier } = await server.http("GET", `${path}&to=${newest.ended_at}`, { userId: user });
  const answers = await Promise.all(
    [
      { url: path, accept: "text/csv" },
      { url: `${path}&format=csv`, accept: "application/json" },
    ].map(async ({ url, accept }) => {
      const headers = { authorization: `Bearer ${await server.token(user)}`, accept };
      const response = await fetch(`${server.url}/api/v1${url}`, { headers });
      return { type: response.headers.get("content-type"), text: await response.text() };
    }),
  );

  const total = { currency: "USDC", network: "eip155:31337", amount: "2.20", usd: "2.20", payments: 3 };
  expect(whole).toMatchObject({ session_id: id, settled: [total], pending: [] });
  expect(whole.payments).toHaveLength(3);
  expect(earlier.payments.length).toBeLessThan(3);
  for (const { type, text } of answers) {
    expect(type).toBe("text/csv; charset=utf-8");
    const lines = text.trimEnd().split("\r\n");
    expect(lines).toHaveLength(5);
    expect(lines.at(-1)).toBe("total settled,,,,,,,,,2.20,USDC,2.20,eip155:31337,,");
  }
});

test("a quote that waits for a decision is in no statement", async () => {
  const user = crypto.randomUUID();
  const { id } = await server.createSession({}, user);
  const client = await server.connect(id, { userId: user });
  await client.first("approval_required", execute(client, 'pay_service {"service":"premium-report"}'));

  const { body } = await server.http("GET", `/payments/statement?session_id=${id}`, { userId: user });

  expect(body).toMatchObject({ payments: [], settled: [], pending: [] });
});

test("a payment that was cancelled before it was signed says so in its timeline", async () => {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, 'pay_service {"service":"premium-report"}');
  await client.first("approval_required", execution);

  client.send({ type: "cancel", data: { execution_id: execution } });
  await client.end(execution);

  const { body } = await server.http("GET", `/payments?session_id=${id}`);
  const { body: payment } = await server.http("GET", `/payments/${body.data[0].payment_id}`);
  expect(payment.timeline.map(({ state }: { state: string }) => state)).toEqual(["quoted", "cancelled"]);
  expect(payment.receipt).toBeUndefined();
});

async function cli(user: string, ...args: string[]) {
  const printed: string[] = [];
  const noted: string[] = [];
  const parts = { version: "1.2.3" } as Parameters<typeof runCli>[2]; // These commands use no part of a server.
  const env = { PAYGENT_URL: server.url, PAYGENT_TOKEN: await server.token(user) };
  const code = await runCli(args, env, parts, {
    isInteractive: false,
    columns: 200,
    colors: picocolors.createColors(false),
    write: (text) => void printed.push(text),
    print: (line) => void printed.push(line),
    note: (line) => void noted.push(line),
    readInput: async () => "",
    onInterrupt: () => () => undefined,
    onStop: () => () => undefined,
  });
  return { code, out: printed.join("\n"), err: noted.join("\n") };
}

test("`paygent payments` lists, shows and sums up what was paid", async () => {
  const { id, user, list } = await buy(["market-data", "news"]);
  const [newest] = (await list()).data;

  const listed = await cli(user, "payments", "--session", id, "--payee", "news");
  const lines = await cli(user, "payments", "list", "--session", id, "--json");
  const shown = await cli(user, "payments", "show", newest.payment_id);
  const summed = await cli(user, "payments", "statement", id);
  const table = await cli(user, "payments", "statement", id, "--csv", "--from", "2020-01-01");
  const wrong = await cli(user, "payments", "--state", "paid");

  expect(listed.out).toContain(newest.payment_id);
  expect(listed.out).not.toContain("market-data");
  expect(lines.out.split("\n").map((line) => JSON.parse(line).payee)).toEqual(["news", "market-data"]);
  for (const part of ["settled", "delivered", "2.00 USDC", newest.tx_hash, "sent"]) expect(shown.out).toContain(part);
  expect(summed.out).toContain("2.10 USDC on eip155:31337 in 2 payments");
  expect(table.out).toContain("total settled,,,,,,,,,2.10,USDC");
  expect(wrong.code).toBe(2);
});

test("the SDK reads payments and statements", async () => {
  const { id, user } = await buy(["market-data"]);
  const paygent = createClient({ url: server.url, token: await server.token(user) });

  const { data } = await paygent.payments.list({ session_id: id });
  const payment = await paygent.payments.get(data[0]?.payment_id ?? "");
  const statement = await paygent.payments.statement({ session_id: id });

  expect(payment).toMatchObject({ state: "settled", content: "delivered", receipt: { amount: "0.10" } });
  expect(statement.payments).toEqual(data);
});
