import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildConsole, keepPicture, openBrowser, runsAll } from "../support/browser.ts";
import { consoleForTest } from "../support/console-server.ts";
import { accessibilityProblems, expectNoSidewaysScroll } from "../support/page-checks.ts";
import { scriptedModel } from "../support/scripted-model.ts";
import { execute } from "../support/test-server.ts";

const payReport = 'pay_service {"service":"premium-report","max_amount":"25"}';
let browser: Browser;

beforeAll(async () => {
  if (!runsAll) return;
  await buildConsole();
  browser = await openBrowser();
}, 60_000);

afterAll(() => browser?.close());

/** A session with a finished execution and one that waits. */
async function usedConsole() {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession();
  await server.http("PATCH", `/sessions/${id}`, { body: { title: "Used" } });
  const client = await server.connect(id);
  await client.end(execute(client, 'pay_service {"service":"news"} && check_balance {}'));
  await client.first("approval_required", execute(client, payReport));
  return { server, open, id };
}

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const looks = {
  "light, on a desk": {},
  "dark, on a desk": { colorScheme: "dark" },
  "light, on a phone": phone,
  "dark, on a phone": { ...phone, colorScheme: "dark" },
} as const;

test.skipIf(!runsAll).each(Object.entries(looks))(
  "every screen is accessible and fits: %s",
  { timeout: 90_000 },
  async (look, options) => {
    const { open, id } = await usedConsole();
    const { page, problems } = await open("/", options);
    const found: string[] = [];
    for (const [path, sign] of screensOf(id)) {
      await page.goto(page.url().replace(/#.*/, "").concat(`#${path}`));
      await page.getByText(sign).first().waitFor();
      await expectNoSidewaysScroll(page);
      found.push(...(await accessibilityProblems(page)).map((problem) => `${path}: ${problem}`));
      await keepPicture(page, `${look.replaceAll(/\W+/g, "-")}${path.replace(id, "used").replaceAll("/", "-")}`);
    }

    expect(found).toEqual([]);
    expect(problems).toEqual([]);
  },
);

function screensOf(id: string): [string, string | RegExp][] {
  return [
    ["/", "What should the agent do?"],
    [`/sessions/${id}`, "expires in"],
    ["/inbox", "expires in"],
    ["/sessions", "Used"],
    [`/sessions/${id}/policy`, "Review and save…"],
    ["/services", "Sells news."],
    ["/spend", "Spent by day"],
    ["/payments", "2.00 USD settled"],
    ["/nowhere", "The address names no page"],
  ];
}

test.skipIf(!runsAll)("the inbox decides over sessions, with the keyboard, and counts in the title", async () => {
  const { server, open } = await usedConsole();
  const { page } = await open("/inbox");
  await page.getByText("expires in").waitFor();
  await expect.poll(() => page.title()).toContain("(1)");

  await page.keyboard.press("j");
  await page.keyboard.press("a");

  await page.getByText("Nothing waits for you.").waitFor();
  expect((await server.http("GET", "/approvals?status=approved")).body.data).toHaveLength(1);
});

test.skipIf(!runsAll)(
  "without a token the page says where to get one, and a wrong one is refused in words",
  async () => {
    const { server, open } = await consoleForTest(browser);
    const { id } = await server.createSession();
    const { page } = await open();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("This tab has no access token.").waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.goto(`${server.url}/#/sessions/${id}`);
    await page.getByRole("textbox", { name: "Access token" }).fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();

    await page.getByText(/The access token is missing, wrong or expired/).waitFor();
    await page.getByRole("button", { name: "Use another token" }).click();
    await page.getByText("This tab has no access token.").waitFor();
  },
);

test.skipIf(!runsAll)("of 10,000 events only what is in sight is drawn", { timeout: 120_000 }, async () => {
  const calls = Array.from({ length: 250 }, () => ({ name: "discover_services", args: {} }));
  const steps = Array.from({ length: 20 }, () => ({ calls }));
  const { server, open } = await consoleForTest(browser, { model: scriptedModel(...steps, { text: "All done." }) });
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const execution = execute(client, "go");
  const status = async () => (await server.http("GET", `/executions/${execution}`)).body.status;
  await expect.poll(status, { interval: 200, timeout: 90_000 }).toBe("completed");
  const { page } = await open(`/sessions/${id}`);
  await page.getByText("All done.").waitFor();
  expect((await server.http("GET", `/sessions/${id}`)).body.last_seq).toBeGreaterThan(10_000);

  const lines = () => page.getByRole("region", { name: "Timeline" }).getByRole("listitem").count();
  expect(await lines()).toBeLessThan(100);
  await scrollTo(page, 0);
  await page.getByRole("heading", { name: "go" }).last().waitFor();
  expect(await lines()).toBeLessThan(100);
});

async function scrollTo(page: Page, top: number): Promise<void> {
  await page.getByRole("region", { name: "Timeline" }).evaluate((element, to) => {
    (element as unknown as { scrollTop: number }).scrollTop = to;
  }, top);
}
