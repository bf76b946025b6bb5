import { readFileSync } from "node:fs";
import type { Download, Page } from "playwright-core";
import { expect } from "vitest";
import { browserTest } from "../support/browser-test.ts";
import { button } from "../support/console-page.ts";
import type { ConsoleWorld } from "../support/console-server.ts";
import { flaws, looks } from "../support/looks.ts";
import { execute, type TestServer } from "../support/test-server.ts";

const table = (page: Page, name = "Payments") => page.getByRole("table", { name, exact: true });
const rows = (page: Page) => table(page).getByRole("row");

async function buy(server: TestServer, title: string, services: readonly string[], config: object = {}) {
  const { id } = await server.createSession({ ...config });
  await server.http("PATCH", `/sessions/${id}`, { body: { title } });
  const client = await server.connect(id);
  for (const service of services) {
    await client.end(execute(client, `pay_service ${JSON.stringify({ service })}`));
  }
  return { id, client };
}

/** Two sessions that paid, in one of which a payment waits for approval. */
async function paidConsole({ server, open }: ConsoleWorld) {
  const { id: older } = await buy(server, "Older", ["market-data", "news"]);
  const { id, client } = await buy(server, "Newer", ["news"], { payee_budgets_usd: { news: "5" } });
  await client.first("approval_required", execute(client, 'pay_service {"service":"premium-report"}'));
  return { server, open, id, older };
}

browserTest(
  "payments are filtered by session, state, payee and period, and the address keeps that",
  async ({ startConsole }) => {
    const { open } = await paidConsole(await startConsole());
    const { page, problems } = await open("/payments");
    await page.getByText("4 payments: 4.10 USD settled, 25.00 USD set aside").waitFor();
    expect(await rows(page).count()).toBe(5);
    const filter = page.getByRole("form", { name: "Filter" });

    await filter.getByRole("combobox", { name: "Session" }).selectOption("Older");
    await page.getByText("2 payments: 2.10 USD settled").waitFor();
    await filter.getByRole("combobox", { name: "Payee" }).fill("news");
    await page.getByText("1 payment: 2.00 USD settled").waitFor();
    await filter.getByRole("combobox", { name: "State" }).selectOption("quoted");
    await page.getByText("No payment matches the filter.").waitFor();
    await button(page, "Show all").click();
    await filter.getByRole("combobox", { name: "State" }).selectOption("quoted");
    await page.getByText("1 payment: 0.00 USD settled, 25.00 USD set aside").waitFor();

    await page.reload();
    await page.getByText("1 payment: 0.00 USD settled, 25.00 USD set aside").waitFor();
    expect(await filter.getByRole("combobox", { name: "State" }).inputValue()).toBe("quoted");
    await filter.getByLabel("From").fill("2020-01-01");
    await filter.getByLabel("To").fill("2020-01-31");
    await page.getByText("No payment matches the filter.").waitFor();
    expect(problems).toEqual([]);
  },
);

browserTest("a long list is read page by page, and sorted by its columns", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const { client } = await buy(server, "Many", ["news"], { budget_usd: "100" });
  const calls = Array.from({ length: 60 }, () => 'pay_service {"service":"market-data"}').join(" && ");
  await client.end(execute(client, calls, {}));
  const { page } = await open("/payments");
  await page.getByText("61 payments: 8.00 USD settled").waitFor();
  expect(await rows(page).count()).toBe(51);

  await button(page, "Older payments").click();
  await expect.poll(() => rows(page).count()).toBe(62);
  expect(await button(page, "Older payments").count()).toBe(0);
  await table(page).getByRole("button", { name: "Amount" }).click();
  await expect
    .poll(() => table(page).getByRole("columnheader", { name: "Amount" }).getAttribute("aria-sort"))
    .toBe("descending");
  expect(await rows(page).nth(1).textContent()).toContain("2.00 USDC");
});

browserTest("a payment shows its terms, what happened when, and its receipt", async ({ startConsole }) => {
  const { server, open } = await paidConsole(await startConsole());
  const { body } = await server.http("GET", "/payments?payee=market-data");
  const [{ payment_id, tx_hash }] = body.data;
  const { page, problems } = await open("/payments");

  await rows(page).filter({ hasText: "market-data" }).getByRole("link").first().click();

  await page.getByText("The chain shows the transfer: the money has moved, once.").waitFor();
  expect(page.url()).toContain(`/payments/${payment_id}`);
  await page.getByRole("region", { name: "Receipt" }).getByText(tx_hash).waitFor();
  await page.getByRole("region", { name: "Terms" }).getByText("a service of the catalogue").waitFor();
  const moments = page.getByRole("region", { name: "Timeline" }).getByRole("listitem");
  expect((await moments.allTextContents()).map((text) => text.replace(/\d.*$/, ""))).toEqual(
    [
      "Price asked and frozen",
      "Allowed, amount set aside",
      "Signed",
      "Sent",
      "Settled on the chain",
      "Content delivered",
    ].slice(0, await moments.count()),
  );
  expect(problems).toEqual([]);
});

browserTest("an open payment is followed until its end", async ({ startConsole }) => {
  const { server, open } = await paidConsole(await startConsole());
  const { body } = await server.http("GET", "/payments?state=quoted");
  const { page } = await open(`/payments/${body.data[0].payment_id}`);
  await page.getByText("A person is asked. Nothing is signed; the amount is set aside.").waitFor();
  const { body: waiting } = await server.http("GET", "/approvals?status=pending");

  await server.http("POST", `/approvals/${waiting.data[0].request_id}/reject`, { body: {} });

  await page.getByText("No money moved, and none can.").waitFor();
  expect(await page.getByRole("region", { name: "Receipt" }).count()).toBe(0);
});

browserTest("somebody else's payment, and one that is not there, say so", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const { id } = await server.createSession({}, "mallory");
  const client = await server.connect(id, { userId: "mallory" });
  await client.end(execute(client, 'pay_service {"service":"news"}'));
  const { body } = await server.http("GET", "/payments", { userId: "mallory" });

  for (const payment of [body.data[0].payment_id, crypto.randomUUID()]) {
    const { page } = await open(`/payments/${payment}`);
    await page.getByRole("alert").getByText("or it is not yours").waitFor();
  }
});

async function textOf(download: Download): Promise<string> {
  return readFileSync((await download.path()) ?? "", "utf8");
}

browserTest("a statement of a session and a period is saved as CSV and as JSON", async ({ startConsole }) => {
  const { server, open, older } = await paidConsole(await startConsole());
  const { page, problems } = await open("/payments");
  const { body } = await server.http("GET", `/payments/statement?session_id=${older}`);
  await button(page, "Statement…").click();
  const dialog = page.getByRole("dialog", { name: "Statement" });
  await dialog.getByRole("combobox", { name: "Session" }).selectOption("Older");

  const [csv] = await Promise.all([page.waitForEvent("download"), button(page, "CSV").click()]);
  await dialog.getByText("Made of 2 payments. 2.10 USDC on eip155:31337 settled.").waitFor();
  const [json] = await Promise.all([page.waitForEvent("download"), button(page, "JSON").click()]);

  expect(csv.suggestedFilename()).toBe(`paygent-${older}.csv`);
  expect((await textOf(csv)).trimEnd().split("\r\n").at(-1)).toBe(
    "total settled,,,,,,,,,2.10,USDC,2.10,eip155:31337,,",
  );
  expect(JSON.parse(await textOf(json))).toEqual({ ...body, created_at: expect.any(String) });
  await dialog.getByLabel("First day").fill("2020-01-01");
  await dialog.getByLabel("Last day").fill("2020-01-02");
  await Promise.all([page.waitForEvent("download"), button(page, "CSV").click()]);
  await dialog.getByText("Made of 0 payments. Nothing settled.").waitFor();
  expect(problems).toEqual([]);
});

browserTest("spend is summed up by day, payee, tool and session, against the budgets", async ({ startConsole }) => {
  const { open, id } = await paidConsole(await startConsole());
  const { page, problems } = await open("/spend");
  await page.getByText("4.10 USD spent and 25.00 USD set aside. The budget of a day is 100 USD.").waitFor();
  const row = (name: string, text: string) => table(page, name).getByRole("row").filter({ hasText: text });
  const cells = async (name: string, text: string) =>
    (await row(name, text).getByRole("cell").allTextContents()).map((cell) => cell.replace(/^[A-Z][a-z ]+(?=\S)/, ""));

  expect(await row("By payee", "news").textContent()).toContain("4.00 USD");
  expect(await row("By session", "Newer").textContent()).toMatch(/2\.00 USD.*25\.00 USD.*50 USD.*54 %/);
  expect(await row("By tool", "pay_service").textContent()).toContain("4.10 USD");
  expect(await cells("By day", new Date().toISOString().slice(0, 4))).toContain("100 USD");
  expect(await page.locator("canvas").count()).toBe(1);

  await page.getByRole("combobox", { name: "Session" }).selectOption("Newer");
  await page.getByText("2.00 USD spent and 25.00 USD set aside.").waitFor();
  expect(await row("By payee", "news").textContent()).toMatch(/5 USD.*40 %/);
  await row("By payee", "news").getByRole("link", { name: "news" }).click();
  await page.getByText("1 payment: 2.00 USD settled").waitFor();
  expect(page.url()).toContain(`session=${id}`);
  expect(problems).toEqual([]);
});

browserTest("before anything was paid, and without a server, the screens say so", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const { page } = await open("/payments");
  await page.getByText("Nothing has been paid yet.").waitFor();
  await page.goto(`${server.url}/#/spend`);
  await page.getByText("Nothing was paid in these 30 days.").waitFor();

  await page.route("**/api/v1/payments**", (route) => route.abort());
  await page.goto(`${server.url}/#/payments`);
  await page.getByText("The server does not answer.").waitFor({ timeout: 20_000 });
  await page.unroute("**/api/v1/payments**");
  await page.getByText("Nothing has been paid yet.").waitFor();
});

browserTest.for(looks)(
  "payments and spend are accessible and fit: %s",
  { timeout: 60_000 },
  async ([look, options], { startConsole }) => {
    const { server, open } = await paidConsole(await startConsole());
    const { page, problems } = await open("/payments", options);
    await page.getByText("4 payments: 4.10 USD settled").waitFor();
    const found = await flaws(page, "payments", look);

    await button(page, "Statement…").click();
    await page.getByRole("dialog", { name: "Statement" }).waitFor();
    found.push(...(await flaws(page, "payments-statement", look)));
    await page.keyboard.press("Escape");
    const { body } = await server.http("GET", "/payments?payee=market-data");
    await page.goto(`${server.url}/#/payments/${body.data[0].payment_id}`);
    await page.getByRole("region", { name: "Receipt" }).waitFor();
    found.push(...(await flaws(page, "payment", look)));
    await page.goto(`${server.url}/#/spend`);
    await page.getByText("4.10 USD spent").waitFor();
    found.push(...(await flaws(page, "spend", look)));

    expect(found).toEqual([]);
    expect(problems).toEqual([]);
  },
);
