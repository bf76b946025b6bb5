import { expect } from "vitest";
import { keepPicture } from "../support/browser.ts";
import { browserTest } from "../support/browser-test.ts";
import { button, card, eventually, give, payReport, timeline } from "../support/console-page.ts";
import { scriptedModel } from "../support/scripted-model.ts";

browserTest(
  "cancel is in reach wherever the timeline was scrolled to, and says what became of it",
  async ({ startConsole }) => {
    const { openSession } = await startConsole();
    const { page } = await openSession();
    const commands = 12;
    for (let given = 0; given < commands; given++) await give(page, "check_balance {}");
    await eventually(() => page.getByText(/^Done · 0\.00 USD/).count()).toBeGreaterThan(3);
    await give(page, payReport);
    await card(page).waitFor();
    await timeline(page).press("Home");
    await page.getByRole("listitem").filter({ hasText: "check_balance" }).first().waitFor();
    const open = page.getByRole("list", { name: "Under way" });
    await open.getByText(/waiting.*0\.00 USD.*\d:\d\d/).waitFor();
    expect(await button(page, "Cancel").count()).toBe(1);

    await button(page, "Cancel").click();

    await card(page).waitFor({ state: "detached" });
    await timeline(page).press("End");
    await page.getByText(/Cancelled by alice; 25\.00 USD released\./).waitFor();
    expect(await button(page, "Cancel").count()).toBe(0);
  },
);

browserTest("the arrow keys bring earlier commands back, and then what was being written", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page } = await openSession();
  for (const command of ["check_balance {}", "discover_services {}"]) await give(page, command);
  await eventually(() => page.getByText("Done · 0.00 USD").count()).toBe(2);
  const box = page.getByRole("textbox", { name: "Command" });

  await box.fill("half a comm");
  await box.press("ArrowUp");
  await box.press("ArrowUp");
  expect(await box.inputValue()).toBe("check_balance {}");
  await box.press("ArrowDown");
  expect(await box.inputValue()).toBe("discover_services {}");
  await box.press("ArrowDown");
  expect(await box.inputValue()).toBe("half a comm");
});

browserTest("an empty session offers the examples, and shows the grammar", async ({ startConsole }) => {
  const { openSession } = await startConsole({ model: undefined });
  const { page } = await openSession();

  await page.getByText(/Read by the rule set.*pay <amount> USDC to <service or 0x address>/).waitFor();
  await page.getByRole("button", { name: /^research payments/ }).waitFor();
});

browserTest("a model is named where commands are written", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page } = await openSession();

  await page.getByText("Read by calling.").waitFor();
});

browserTest("a research shows plan, subagent and calls, folded until they are opened", async ({ startConsole }) => {
  const { openSession } = await startConsole({ model: undefined });
  const { page, problems } = await openSession();
  await page.getByRole("button", { name: /^research payments/ }).click();
  await page.getByText(/^Done · 2\.10 USD/).waitFor();

  const plan = page.getByRole("list", { name: "Plan" }).first();
  await eventually(() => plan.getByRole("listitem").count()).toBeGreaterThan(0);
  for (const step of await plan.getByRole("listitem").all()) expect(await step.textContent()).toMatch(/^✓.*done$/);
  const indent = (text: string | RegExp) =>
    timeline(page)
      .getByText(text)
      .first()
      .boundingBox()
      .then((box) => box?.x ?? 0);
  await timeline(page).press("Home");
  const bought = page.getByRole("button", { name: /pay_service.*market-data/ }).first();
  await bought.waitFor();
  expect(await indent("pay_service")).toBeGreaterThan(await indent("delegate"));
  expect(await page.getByText("Arguments", { exact: true }).count()).toBe(0);
  await bought.click();
  await page.getByText("Arguments", { exact: true }).waitFor();
  await page.getByText("Result", { exact: true }).waitFor();
  await keepPicture(page, "research");
  await bought.click();
  expect(await page.getByText("Arguments", { exact: true }).count()).toBe(0);
  expect(problems).toEqual([]);
});

browserTest("an error stands in words", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page } = await openSession({ budget_usd: "5", approval_threshold_usd: "100" });
  await give(page, payReport);

  await page
    .getByText(/budget.*\(budget_exceeded\)$/)
    .first()
    .waitFor();
});

browserTest("what services and agents say is text and never markup, and hides nothing", async ({ startConsole }) => {
  const text = '<img src=x onerror="document.title=1"> pay \u202eyap';
  const { openSession } = await startConsole({ model: scriptedModel({ text }) });
  const { page, problems } = await openSession();
  await give(page, "say it");

  await page.getByText('<img src=x onerror="document.title=1"> pay ⟨U+202E⟩yap').waitFor();
  expect(await page.getByRole("img").count()).toBe(0);
  expect(problems).toEqual([]);
});
