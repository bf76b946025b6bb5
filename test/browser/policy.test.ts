import type { Page } from "playwright-core";
import { expect } from "vitest";
import { browserTest } from "../support/browser-test.ts";
import { button } from "../support/console-page.ts";
import type { ConsoleWorld } from "../support/console-server.ts";
import { flaws, looks } from "../support/looks.ts";
import { execute } from "../support/test-server.ts";

const box = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });

async function policyOf({ server, open }: ConsoleWorld, config: Record<string, unknown> = {}) {
  const { id } = await server.createSession(config);
  const read = async () => (await server.http("GET", `/sessions/${id}`)).body;
  return { server, open, id, read };
}

async function save(page: Page): Promise<void> {
  await button(page, "Review and save…").click();
  await page.getByRole("dialog", { name: "Save these changes?" }).getByRole("button", { name: "Save" }).click();
}

browserTest(
  "every setting is edited, its change is shown before it is saved, and then it holds",
  async ({ startConsole }) => {
    const { open, id, read } = await policyOf(await startConsole(), {
      tools: { transfer: "ask" },
      payee_budgets_usd: { news: "5" },
    });
    const before = await read();
    const { page, problems } = await open(`/sessions/${id}/policy`);
    expect(await button(page, "Review and save…").isDisabled()).toBe(true);

    await box(page, "Budget of the session, USD").fill("60");
    await box(page, "Budget of a day over all sessions, USD").fill("120");
    await box(page, "Ask above, USD").fill("1.50");
    await box(page, "Ask above, to a new payee, USD").fill("0.5");
    await box(page, "Never pay more at once than, USD").fill("40");
    await page.getByRole("switch", { name: "Ask after many payments" }).click();
    await box(page, "Within seconds").fill("120");
    await button(page, "Remove the budget of news").click();
    await button(page, "Add a payee").click();
    await box(page, "Payee 1").fill("market-data");
    await box(page, "USD for payee 1").fill("3");
    await page.getByRole("combobox", { name: "check_balance" }).selectOption("deny");
    await page.getByRole("combobox", { name: "transfer" }).selectOption("");
    await box(page, "Only these payees").fill("market-data\nnews");
    await box(page, "Never these payees").fill("gold-bar");
    await box(page, "Only these hosts").fill("*.example.com\n127.0.0.1:1");
    await box(page, "Never these hosts").fill("evil.example.com");
    await box(page, "Approvers").fill("bob\ncarol");
    await button(page, "Add a tier").click();
    await box(page, "Tier 1: above, USD").fill("20");
    await box(page, "A request waits, seconds").fill("600");
    await box(page, "An execution may work, seconds").fill("90");
    await box(page, "Steps of an execution").fill("8");
    await page.getByRole("combobox", { name: "A command while another is worked on" }).selectOption("reject");
    await page.getByText("16 settings would change.").waitFor();

    await button(page, "Review and save…").click();
    const dialog = page.getByRole("dialog", { name: "Save these changes?" });
    for (const line of [
      "no longer − 10 USD",
      "now + 1.50 USD",
      "no longer − news: 5 USD",
      "now + market-data: 3 USD",
      "now + check_balance: deny",
    ]) {
      await dialog.getByText(line, { exact: true }).waitFor();
    }
    expect((await read()).config).toEqual(before.config);
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved as policy version 2. It holds for every call from now on.").waitFor();

    expect((await read()).config).toEqual({
      ...before.config,
      budget_usd: "60",
      daily_budget_usd: "120",
      approval_threshold_usd: "1.50",
      max_first_payment_usd: "0.5",
      max_payment_usd: "40",
      velocity: { payments: 5, per_s: 120 },
      payee_budgets_usd: { "market-data": "3" },
      tools: { check_balance: "deny" },
      payees: { allow: ["market-data", "news"], deny: ["gold-bar"] },
      hosts: { allow: ["*.example.com", "127.0.0.1:1"], deny: ["evil.example.com"] },
      approvers: ["bob", "carol"],
      quorum: [{ above_usd: "20", approvals: 2 }],
      approval_timeout_s: 600,
      execution_timeout_s: 90,
      max_steps: 8,
      if_busy: "reject",
    });
    await page.getByText("Nothing is changed.").waitFor();
    expect(problems).toEqual([]);
  },
);

browserTest("what is wrong is told at its field, and cannot be saved", async ({ startConsole }) => {
  const { open, id } = await policyOf(await startConsole());
  const { page } = await open(`/sessions/${id}/policy`);
  await box(page, "Ask above, USD").fill("ten");
  await box(page, "Only these hosts").fill("example.com\nnot a host");
  await button(page, "Add a payee").click();

  await page.getByText("3 fields are not right yet.").waitFor();
  expect(await button(page, "Review and save…").isDisabled()).toBe(true);
  const described = async (field: string) => {
    const ids = (await box(page, field).getAttribute("aria-describedby"))?.split(" ") ?? [];
    return Promise.all(ids.map((each) => page.locator(`[id="${each}"]`).textContent()));
  };
  expect(await described("Ask above, USD")).toEqual(['Must be a decimal string such as "0.10".']);
  expect((await described("Only these hosts")).at(-1)).toMatch(/^Line 2: Must be a host such as/);
  expect(await described("Payee 1")).toContain("Name the payee, or remove the line.");
  await button(page, "Undo").click();
  await page.getByText("Nothing is changed.").waitFor();
  expect(await box(page, "Ask above, USD").inputValue()).toBe("10");
});

browserTest(
  "what the server refuses is told in its words, and what somebody else changed stays",
  async ({ startConsole }) => {
    const { server, open, id, read } = await policyOf(await startConsole());
    const { page } = await open(`/sessions/${id}/policy`);
    await box(page, "Approvers").fill("bob");
    await button(page, "Add a tier").click();
    await box(page, "Tier 1: above, USD").fill("20");
    await box(page, "Tier 1: approvals").fill("3");
    await save(page);
    await page
      .getByRole("dialog")
      .getByRole("alert")
      .getByText(/approvers/)
      .waitFor();
    await server.http("PATCH", `/sessions/${id}`, { body: { config: { budget_usd: "77" } } });

    await button(page, "Back").click();
    await box(page, "Tier 1: approvals").fill("1");
    await save(page);

    await page.getByText("Saved as policy version 3.").waitFor();
    expect((await read()).config).toMatchObject({ budget_usd: "77", quorum: [{ above_usd: "20", approvals: 1 }] });
    expect(await box(page, "Budget of the session, USD").inputValue()).toBe("77");
  },
);

browserTest(
  "a rule that an approval left behind is shown with what it let through, and revoked",
  async ({ startConsole }) => {
    const { server, open, id } = await policyOf(await startConsole());
    const client = await server.connect(id);
    const { data } = await client.first(
      "approval_required",
      execute(client, 'pay_service {"service":"premium-report"}'),
    );
    const remember = { tool_name: "pay_service", payee: "premium-report", max_amount: "25", total: "100" };
    await server.http("POST", `/approvals/${data.request_id}/approve`, { body: { remember } });
    const { page } = await open(`/sessions/${id}/policy`);
    await page.getByRole("tab", { name: "Always allowed" }).click();
    const rule = page
      .getByRole("table", { name: "Spend rules" })
      .getByRole("row")
      .filter({ hasText: "premium-report" });
    await rule.getByText("100.00 USD").waitFor();

    await rule.getByRole("button", { name: "Revoke" }).click();

    await rule.getByText("revoked").waitFor();
    const { body } = await server.http("GET", `/sessions/${id}/spend-rules`);
    expect(body.data).toMatchObject([{ revoked_at: expect.any(String) }]);
  },
);

browserTest("a simulated call shows verdict, rule and what would be left in each budget", async ({ startConsole }) => {
  const { server, open, id } = await policyOf(await startConsole(), { payee_budgets_usd: { "premium-report": "20" } });
  const { page, problems } = await open(`/sessions/${id}/policy`);
  await page.getByRole("tab", { name: "Simulate" }).click();
  const verdict = page.getByRole("region", { name: "Verdict" });
  await page.getByRole("combobox", { name: "Tool" }).selectOption("pay_service");

  await page.getByRole("textbox", { name: /^service/ }).fill("news");
  await button(page, "Simulate").click();
  await verdict.getByText("It would run unasked").waitFor();
  expect(await verdict.getByRole("row").filter({ hasText: "of the session" }).textContent()).toMatch(
    /50\.00 USD.*48\.00 USD/,
  );

  await page.getByRole("textbox", { name: /^service/ }).fill("premium-report");
  await button(page, "Simulate").click();
  await verdict.getByText("It would be denied").waitFor();
  await verdict.getByText("payee_budgets_usd", { exact: true }).waitFor();
  expect(await verdict.getByRole("row").filter({ hasText: "of the payee" }).textContent()).toContain(
    "does not suffice",
  );

  await page.getByRole("textbox", { name: "Amount, USD" }).fill("15");
  await button(page, "Simulate").click();
  await verdict.getByText("A person would be asked").waitFor();
  await verdict.getByText("approval_threshold_usd", { exact: true }).waitFor();
  await page.getByRole("textbox", { name: "Amount, USD" }).fill("much");
  expect(await button(page, "Simulate").isDisabled()).toBe(true);
  await page.getByRole("textbox", { name: "Amount, USD" }).fill("");
  await page.getByRole("textbox", { name: /^service/ }).fill("nowhere");
  await button(page, "Simulate").click();
  await page
    .getByRole("alert")
    .getByText(/There is no service called "nowhere"/)
    .waitFor();
  expect((await server.http("GET", `/payments?session_id=${id}`)).body.data).toEqual([]);
  expect(problems).toEqual([]);
});

browserTest.for(looks)("the policy is accessible and fits: %s", async ([look, options], { startConsole }) => {
  const { open, id } = await policyOf(await startConsole(), {
    payee_budgets_usd: { news: "5", "0x90f79bf6eb2c4f870365e785982e1f101e93b906": "20" },
    approvers: ["bob", "carol"],
    quorum: [{ above_usd: "100", approvals: 2 }],
    velocity: { payments: 5, per_s: 60 },
  });
  const { page, problems } = await open(`/sessions/${id}/policy`, options);
  await box(page, "Ask above, USD").fill("1.50");
  await box(page, "Steps of an execution").fill("none");
  const found = await flaws(page, "policy-wrong", look);

  await box(page, "Steps of an execution").fill("8");
  await box(page, "Budget of the session, USD").scrollIntoViewIfNeeded();
  found.push(...(await flaws(page, "policy", look)));
  await button(page, "Review and save…").click();
  await page.getByRole("dialog").waitFor();
  found.push(...(await flaws(page, "policy-review", look)));
  await page.keyboard.press("Escape");
  await page.getByRole("tab", { name: "Simulate" }).click();
  await page.getByRole("combobox", { name: "Tool" }).selectOption("pay_service");
  await page.getByRole("textbox", { name: /^service/ }).fill("premium-report");
  await button(page, "Simulate").click();
  await page.getByRole("region", { name: "Verdict" }).waitFor();
  found.push(...(await flaws(page, "policy-simulate", look)));

  expect(found).toEqual([]);
  expect(problems).toEqual([]);
});
