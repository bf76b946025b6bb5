import type { Page } from "playwright-core";
import { expect } from "vitest";
import { keepPicture } from "../support/browser.ts";
import { browserTest } from "../support/browser-test.ts";
import { button, payReport } from "../support/console-page.ts";
import type { ConsoleWorld } from "../support/console-server.ts";
import { phone } from "../support/looks.ts";
import { accessibilityProblems, expectNoSidewaysScroll } from "../support/page-checks.ts";
import { execute } from "../support/test-server.ts";

const freezeSwitch = (page: Page, of: string) => page.getByRole("switch", { name: `Freeze ${of}` });
const banner = (page: Page) => page.getByRole("region", { name: "Frozen payments" });

/** A console with a session in which a payment waits for approval. */
async function waitingPayment({ server, open }: ConsoleWorld) {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  await client.first("approval_required", execute(client, payReport));
  return { server, open, id };
}

browserTest(
  "one click freezes a session for everybody who sees it, and releasing asks first",
  async ({ startConsole }) => {
    const { server, open, id } = await waitingPayment(await startConsole());
    const { page, problems } = await open(`/sessions/${id}`);
    const { page: other } = await open(`/sessions/${id}`);
    const { page: elsewhere } = await open("/services");
    const frozen = async () => (await server.http("GET", "/freeze")).body.data;
    await other.getByRole("region", { name: "Approval of pay_service" }).waitFor();

    await freezeSwitch(page, "this session").click();

    for (const each of [page, other]) {
      await banner(each).getByText("Payments of this session are frozen by alice").waitFor();
      await banner(each)
        .getByText(/since \d+ \w+ \d{4}, \d\d:\d\d, (just now|\d+ seconds? ago)/)
        .waitFor();
    }
    await banner(elsewhere).getByText("One session is frozen").waitFor();
    expect(await frozen()).toMatchObject([{ scope: "session", session_id: id, by: "alice" }]);
    expect(await freezeSwitch(other, "this session").isChecked()).toBe(true);
    const card = other.getByRole("region", { name: "Approval of pay_service" });
    expect(await button(other, "Approve").isDisabled()).toBe(true);
    await card.getByText("Payments are frozen by alice").waitFor();

    await freezeSwitch(page, "this session").click();
    const question = page.getByRole("alertdialog", { name: "Release payments of this session?" });
    await question.getByText("Frozen by alice").waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await keepPicture(page, "freeze-release");
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    expect(await frozen()).toHaveLength(1);
    await banner(other).getByRole("button", { name: "Release…" }).click();
    await button(other, "Release").click();

    for (const each of [page, other, elsewhere]) await banner(each).waitFor({ state: "detached" });
    expect(await frozen()).toEqual([]);
    await button(page, "Approve").click();
    await page.getByText("Done · 25.00 USD").waitFor();
    expect(problems).toEqual([]);
  },
);

browserTest("the switches are those of the token's scopes, and work with the keyboard", async ({ startConsole }) => {
  const { server, open, id } = await waitingPayment(await startConsole());
  const { page: admin } = await open("/", {}, { userId: "root", claims: { scope: "admin" } });
  const { page: reader } = await open(`/sessions/${id}`, {}, { claims: { scope: "read" } });
  await reader.getByRole("region", { name: "Approval of pay_service" }).waitFor();
  const { page } = await open("/");
  await freezeSwitch(page, "all my sessions").waitFor();

  await freezeSwitch(admin, "everybody").focus();
  await admin.keyboard.press("Space");

  for (const each of [admin, reader, page]) {
    await banner(each).getByText("Payments of everybody are frozen by root").waitFor();
  }
  expect(await reader.getByRole("switch").count()).toBe(0);
  expect(await freezeSwitch(page, "everybody").count()).toBe(0);
  expect(await banner(page).getByRole("button").count()).toBe(0);
  await freezeSwitch(page, "all my sessions").click();
  await banner(reader).getByText("Payments of all your sessions are frozen by alice").waitFor();
  expect((await server.http("GET", "/freeze")).body.data).toHaveLength(2);
});

browserTest("a freeze that did not come through says that nothing is frozen", async ({ startConsole }) => {
  const { open } = await startConsole();
  const { page } = await open("/");
  await page.route("**/api/v1/freeze", (route) =>
    route.request().method() === "POST" ? route.abort() : route.continue(),
  );

  await freezeSwitch(page, "all my sessions").click();

  await page.getByRole("alert").getByText("Payments are not frozen: Nothing answers").waitFor({ timeout: 20_000 });
  expect(await freezeSwitch(page, "all my sessions").isChecked()).toBe(false);
});

browserTest.for([
  ["light, on a desk", {}],
  ["dark, on a phone", { ...phone, colorScheme: "dark" }],
  ["light, on a phone", phone],
] as const)("what is frozen is accessible and fits: %s", async ([look, options], { startConsole }) => {
  const { server, open, id } = await waitingPayment(await startConsole());
  await server.http("POST", "/freeze", {
    body: { scope: "user", reason: "The merchant raised its prices overnight." },
  });
  await server.http("POST", "/freeze", { body: { scope: "session", session_id: id } });
  const { page, problems } = await open(`/sessions/${id}`, options);
  await banner(page).getByText("raised its prices").waitFor();
  await page.getByRole("region", { name: "Approval of pay_service" }).waitFor();
  await keepPicture(page, `freeze-${look.replaceAll(/\W+/g, "-")}`);
  expect(await accessibilityProblems(page)).toEqual([]);
  await expectNoSidewaysScroll(page);

  if ("isMobile" in options) {
    await button(page, "Frozen").click();
    await freezeSwitch(page, "all my sessions").waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await keepPicture(page, `freeze-switches-${look.replaceAll(/\W+/g, "-")}`);
  }
  expect(problems).toEqual([]);
});
