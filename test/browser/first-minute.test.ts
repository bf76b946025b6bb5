import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import type { ApprovalRequired } from "../../src/protocol/events.ts";
import { keepPicture, openConsole } from "../support/browser.ts";
import { consoleTest } from "../support/browser-test.ts";
import { button, card, timeline } from "../support/console-page.ts";
import { startFilm } from "../support/film.ts";
import { phone } from "../support/looks.ts";
import { databaseForProcesses, startProcess } from "../support/server-process.ts";

consoleTest(
  "the first minute: an example, a question, a receipt, a killed server, and everything stands as it was",
  { timeout: 120_000 },
  async ({ browser }) => {
    const database = await databaseForProcesses();
    const server = await startProcess(database, "paygent");
    const access = { url: server.url, token: await server.token() };
    const { page, problems } = await openConsole(browser, access);
    await expect.poll(() => page.evaluate("location.href")).toBe(`${server.url}/`);
    await page.getByText(/Its wallet holds [\d.]+ USDC/).waitFor();
    const film = await startFilm(page, "first-minute");
    await film.hold();

    await page.getByRole("button", { name: "pay 25 USDC to premium-report" }).click();
    await card(page).getByText("25.00 USDC").waitFor();
    const [request] = (await server.http("GET", "/approvals?status=pending")).body.data;
    await expectWholeRequest(card(page), request);
    expect(await gauge(page).getAttribute("aria-valuetext")).toContain("25.00 reserved");
    await film.hold();
    await keepPicture(page, "approval-light");
    for (const [name, options] of [
      ["approval-dark", { colorScheme: "dark" }],
      ["approval-phone", phone],
    ] as const) {
      const other = await openConsole(browser, access, options);
      await other.page.goto(page.url());
      await button(other.page, "Approve").waitFor();
      await keepPicture(other.page, name);
      await other.page.context().close();
    }

    await button(page, "Approve").click();
    const receipt = page.getByRole("region", { name: "Receipt" });
    await receipt.getByText(/^Paid 25\.00 USDC to premium-report$/).waitFor();
    const transaction = await receipt.getByRole("code").textContent();
    expect(transaction).toMatch(/^0x[0-9a-f]{64}$/);
    await page.getByText("Done · 25.00 USD").waitFor();
    await expect.poll(() => gauge(page).getAttribute("aria-valuenow")).toBe("25");
    await film.hold();
    await keepPicture(page, "receipt-light");
    const before = await standingOf(page);

    await server.kill();
    await page.getByText("The server does not answer.").waitFor();
    await film.hold();
    await keepPicture(page, "reconnecting");
    await startProcess(database, "paygent", { PORT: new URL(server.url).port });
    await page.getByText("The server does not answer.").waitFor({ state: "detached" });

    expect(await standingOf(page)).toEqual(before);
    await film.hold();
    await page.getByRole("textbox", { name: "Command" }).pressSequentially("check balance");
    await button(page, "Run").click();
    await page.getByText(/The wallet holds \d+\.\d\d USDC; 25\.00 USD of this session's budget/).waitFor();
    await film.hold(2 * 1600);
    await film.end();
    await page.reload();
    await receipt.getByText(transaction ?? "").waitFor();
    expect(problems.filter((problem) => !problem.includes("ERR_CONNECTION_REFUSED"))).toEqual([]);
  },
);

function gauge(page: Page): Locator {
  return page.getByRole("meter", { name: "Budget" });
}

/** What the page says of the session. */
async function standingOf(page: Page) {
  return [
    await page.getByRole("heading", { level: 1 }).textContent(),
    await gauge(page).getAttribute("aria-valuetext"),
    await timeline(page).textContent(),
  ];
}

/** That the card shows everything that the server says of a request to a person. */
async function expectWholeRequest(shown: Locator, request: ApprovalRequired): Promise<void> {
  const text = (await shown.textContent()) ?? "";
  const { amount, currency, payee, payee_address, asset, network, resource, reason, rule, untrusted, budget } = request;
  const facts = { amount, currency, payee, payee_address, asset, network, resource, reason, rule, ...untrusted };
  for (const [name, fact] of Object.entries(facts)) expect(`${name}: ${text}`).toContain(fact ?? "a fact");
  expect(text).toContain(
    `${budget.remaining_before} left now, ${budget.remaining_after} left afterwards, of ${budget.limit} USD`,
  );
  expect(text).toContain(`version ${request.policy_version} of the policy`);
  expect(text).toContain(request.payee_paid_before ? "together" : "never");
  for (const value of Object.values(request.tool_args)) expect(text).toContain(`${value}`);
  expect(text).toMatch(/expires in (1:00:00|59:\d\d)/);
}
