import { expect } from "vitest";
import { keepPicture } from "../support/browser.ts";
import { browserTest } from "../support/browser-test.ts";
import { button, card, eventually, payReport } from "../support/console-page.ts";
import type { ConsoleWorld } from "../support/console-server.ts";
import { execute } from "../support/test-server.ts";

/** Sessions with a request each. */
async function ask(server: ConsoleWorld["server"], count: number) {
  const requests: { readonly request_id: string }[] = [];
  for (let asked = 0; asked < count; asked++) {
    const { id } = await server.createSession();
    const client = await server.connect(id);
    const { data } = await client.first("approval_required", execute(client, payReport));
    requests.push(data);
  }
  return requests;
}

browserTest(
  "the inbox is worked through with the keyboard, over sessions, and counts in the title",
  async ({ startConsole }) => {
    const { server, open } = await startConsole();
    await ask(server, 3);
    const { page } = await open("/inbox");
    await eventually(() => page.title()).toBe("(3) Inbox · Paygent");
    await keepPicture(page, "inbox");

    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("a");
    await eventually(() => card(page).count()).toBe(2);
    // The card that took the place of the decided one is chosen.
    await page.keyboard.press("r");
    await page.getByRole("textbox", { name: "Reason" }).fill("no");
    await page.keyboard.press("Enter");
    await eventually(() => card(page).count()).toBe(1);
    await page.keyboard.press("e");
    await page.getByText("Nothing is changed yet.").waitFor();
    await page.getByRole("textbox", { name: /^service/ }).fill("news");
    await page.keyboard.press("Enter");

    await page.getByText("Nothing waits for you.").waitFor();
    await eventually(() => page.title()).toBe("Inbox · Paygent");
    const decided = async (status: string) =>
      (await server.http("GET", `/approvals?status=${status}`)).body.data.length as number;
    expect(await Promise.all(["approved", "rejected", "edited"].map(decided))).toEqual([1, 1, 1]);
  },
);

browserTest("the letters decide nothing while the focus is elsewhere", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  await ask(server, 1);
  const { page } = await open("/inbox");
  await card(page).waitFor();
  await page.getByRole("link", { name: "Inbox" }).focus();
  await page.keyboard.press("j");
  await page.keyboard.press("a");

  expect(await page.evaluate("document.activeElement?.textContent")).toContain("Inbox");
  expect((await server.http("GET", "/approvals?status=pending")).body.data).toHaveLength(1);
});

browserTest("a letter that is typed into a field decides nothing", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  await ask(server, 1);
  const { page } = await open("/inbox");
  await card(page).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("r");
  await page.getByRole("textbox", { name: "Reason" }).pressSequentially("area");

  expect(await page.getByRole("textbox", { name: "Reason" }).inputValue()).toBe("area");
  expect((await server.http("GET", "/approvals?status=pending")).body.data).toHaveLength(1);
});

browserTest("what somebody else decides leaves the inbox with a word on who did", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const [request] = await ask(server, 1);
  const { page } = await open("/inbox");
  await card(page).waitFor();

  await server.http("POST", `/approvals/${request?.request_id}/reject`, { body: {} });

  await page.getByText(/^Somebody was faster: already rejected by alice at/).waitFor();
  await page.getByText("Nothing waits for you.").waitFor();
});

/** Counts what the page asks the desktop for: there is nobody to hear or see it here. */
const countSignals = `{
  globalThis.signals = { notes: [], tones: 0 };
  globalThis.Notification = class {
    static permission = "default";
    static async requestPermission() { return (this.permission = "granted"); }
    constructor(title, options) { signals.notes.push(title + ": " + options.body); }
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...given) { signals.tones += 1; return start.apply(this, given); };
}`;

browserTest("a request is told of by notification and sound, once that was asked for", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const { page } = await open();
  await page.addInitScript(countSignals);
  await page.goto(`${server.url}/#/inbox`);
  await page.reload();
  await page.getByText("Nothing waits for you.").waitFor();
  const signals = () => page.evaluate("signals") as Promise<{ notes: string[]; tones: number }>;
  await ask(server, 1);
  await eventually(() => card(page).count()).toBe(1);
  expect(await signals()).toEqual({ notes: [], tones: 0 });

  await page.getByRole("switch", { name: "Notify me, with a sound" }).check();
  await ask(server, 1);
  await eventually(() => card(page).count()).toBe(2);

  expect(await signals()).toEqual({
    notes: ["An agent asks for approval: pay_service: 25.00 USDC to premium-report"],
    tones: 1,
  });
});

browserTest("where the browser forbids notifications the inbox says so", async ({ startConsole }) => {
  const { open } = await startConsole();
  const { page } = await open("/inbox");
  await page.evaluate(`Notification.requestPermission = async () => "denied"`);
  await page.getByRole("switch", { name: "Notify me, with a sound" }).check();

  await page.getByText(/This browser shows no notifications of this page/).waitFor();
});

browserTest(
  "an inbox whose server is away keeps what it knew, says so, and goes on by itself",
  async ({ startConsole }) => {
    const { server, open } = await startConsole();
    await ask(server, 1);
    const { page } = await open("/inbox");
    await card(page).waitFor();

    await page.route("**/api/v1/**", (route) => route.abort("connectionrefused"));
    await page.getByText("The server does not answer.").waitFor();
    expect(await card(page).count()).toBe(1);
    await keepPicture(page, "inbox-away");
    await page.unroute("**/api/v1/**");
    await page.getByText("The server does not answer.").waitFor({ state: "detached" });
    await button(page, "Approve").click();
    await page.getByText("Nothing waits for you.").waitFor();
  },
);
