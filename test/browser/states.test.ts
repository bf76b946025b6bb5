import type { Page } from "playwright-core";
import { expect } from "vitest";
import { browserTest } from "../support/browser-test.ts";
import { button, card, give, payNews, payReport } from "../support/console-page.ts";
import { flaws, looks } from "../support/looks.ts";

browserTest.for(looks)(
  "every state of a session is accessible and fits: %s",
  { timeout: 90_000 },
  async ([look, options], { startConsole }) => {
    const { openSession } = await startConsole();
    const { page, problems } = await openSession({}, options);
    const found: string[] = [];
    const check = async (state: string) => found.push(...(await flaws(page, `session-${state}`, look)));

    await page.getByRole("button", { name: /^research payments/ }).waitFor();
    await check("empty");
    await give(page, payNews);
    await page.getByText("Done · 2.00 USD").waitFor();
    await page.getByRole("button", { name: /^pay_service/ }).click();
    await page.getByText("Result", { exact: true }).waitFor();
    await check("receipt");
    await give(page, payReport);
    await card(page).waitFor();
    await expectInSight(page, "Approve");
    await expectInSight(page, "Cancel");
    await check("card");
    await button(page, "Edit").click();
    await page.getByRole("textbox", { name: /^service/ }).fill("news");
    await page.getByRole("region", { name: "Changes" }).waitFor();
    await check("edit");
    await button(page, "Back").click();
    await button(page, "Always allow…").click();
    await button(page, "Approve and remember").waitFor();
    await check("remember");
    await button(page, "Back").click();
    await button(page, "Reject").click();
    await page.getByRole("textbox", { name: "Reason" }).fill("too dear");
    await check("reject");
    await page.getByRole("textbox", { name: "Reason" }).press("Enter");
    await page.getByText("Not done").waitFor();
    await page.context().setOffline(true);
    await page.getByText("This device is offline.").waitFor();
    await give(page, "check_balance {}");
    await page.getByText("Not sent yet: check_balance {}").waitFor();
    await check("offline");

    expect(found).toEqual([]);
    expect(problems).toEqual([]);
  },
);

/** That a button can be pressed without having scrolled to it. */
async function expectInSight(page: Page, name: string): Promise<void> {
  const box = await button(page, name).boundingBox();
  const height = page.viewportSize()?.height ?? 0;
  expect(box?.y).toBeGreaterThanOrEqual(0);
  expect((box?.y ?? height) + (box?.height ?? 0)).toBeLessThanOrEqual(height);
}
