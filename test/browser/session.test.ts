import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildConsole, keepPicture, openBrowser, openConsole, runsAll } from "../support/browser.ts";
import { consoleForTest } from "../support/console-server.ts";
import { scriptedModel } from "../support/scripted-model.ts";
import { databaseForProcesses, startProcess } from "../support/server-process.ts";

const payReport = 'pay_service {"service":"premium-report","max_amount":"25"}';
let browser: Browser;

beforeAll(async () => {
  if (!runsAll) return;
  await buildConsole();
  browser = await openBrowser();
}, 60_000);

afterAll(() => browser?.close());

const card = (page: Page) => page.getByRole("region", { name: /^Approval of/ });
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

async function give(page: Page, command: string): Promise<void> {
  await page.getByRole("textbox", { name: "Command" }).fill(command);
  await button(page, "Run").click();
}

test.skipIf(!runsAll)("of two browsers that decide at once one is told who was faster", async () => {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession();
  const [first, second] = await Promise.all([open(`/sessions/${id}`), open(`/sessions/${id}`)]);
  await give(first.page, payReport);
  await Promise.all([card(first.page).waitFor(), card(second.page).waitFor()]);

  const isFast = { timeout: 1000 };
  await Promise.allSettled([
    button(first.page, "Approve").click(isFast),
    button(second.page, "Reject")
      .click(isFast)
      .then(() => button(second.page, "Reject").click(isFast)),
  ]);

  const said = /(Approved|Rejected) by alice at/;
  await Promise.all([first.page.getByText(said).waitFor(), second.page.getByText(said).waitFor()]);
  expect(await first.page.getByText(said).textContent()).toBe(await second.page.getByText(said).textContent());
  await Promise.all([
    card(first.page).waitFor({ state: "detached" }),
    card(second.page).waitFor({ state: "detached" }),
  ]);
});

test.skipIf(!runsAll)("a decision that came too late says who decided what", async () => {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession();
  const { page } = await open(`/sessions/${id}`);
  await give(page, payReport);
  await card(page).waitFor();
  // From here on the page hears nothing, so that it still shows the card when the request is decided.
  const [request] = (await server.http("GET", "/approvals?status=pending")).body.data;
  await page.goto(`${server.url}/#/inbox`);
  await card(page).waitFor();
  await page.route("**/api/v1/approvals?*", (route) => route.abort());
  await server.http("POST", `/approvals/${request.request_id}/reject`, { body: { reason: "no" } });

  await button(page, "Approve").click();

  await page.getByText(/^Somebody was faster: already rejected by alice/).waitFor();
});

test.skipIf(!runsAll)(
  "an edit is a form of the tool's schema, and shows what it changes before it is sent",
  async () => {
    const { server, open } = await consoleForTest(browser);
    const { id } = await server.createSession();
    const { page, problems } = await open(`/sessions/${id}`);
    await give(page, payReport);
    await button(page, "Edit").click();
    await page.getByText("Nothing is changed yet.").waitFor();
    await page.getByRole("textbox", { name: /^service/ }).fill("news");

    const changes = page.getByRole("region", { name: "Changes" });
    await changes.getByText('− service: "premium-report"').waitFor();
    await changes.getByText('+ service: "news"').waitFor();
    await keepPicture(page, "edit");
    await button(page, "Send changed call").click();

    await page.getByText(/Edited and approved by alice/).waitFor();
    await page.getByText(/^Paid 2\.00 USDC to news$/).waitFor();
    expect(problems).toEqual([]);
  },
);

test.skipIf(!runsAll)("an edit that the server refuses leaves the request open, with the reason", async () => {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession();
  const { page } = await open(`/sessions/${id}`);
  await give(page, payReport);
  await button(page, "Edit").click();
  await page.getByRole("textbox", { name: /^service/ }).fill("nowhere");
  await button(page, "Send changed call").click();

  await card(page)
    .getByText(/There is no service called "nowhere"/)
    .waitFor();
});

test.skipIf(!runsAll)("a rejection carries its reason, and nothing is paid", async () => {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession();
  const { page } = await open(`/sessions/${id}`);
  await give(page, payReport);
  await button(page, "Reject").click();
  await page.getByRole("textbox", { name: "Reason" }).fill("too dear");
  await button(page, "Reject").click();

  await page.getByText(/^Rejected by alice at .*: too dear$/).waitFor();
  await page.getByText("Not done").waitFor();
  expect(await page.getByRole("region", { name: "Receipt" }).count()).toBe(0);
});

test.skipIf(!runsAll)("always allow says which rule it makes, and the next such call is not asked about", async () => {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession();
  const { page } = await open(`/sessions/${id}`);
  await give(page, payReport);
  await button(page, "Always allow…").click();
  await page
    .getByText(/pay_service may pay premium-report up to 25\.00 USD each in this session without asking/)
    .waitFor();
  await button(page, "Approve and remember").click();
  await page.getByText("Done · 25.00 USD").waitFor();
  await give(page, payReport);
  await expect.poll(() => page.getByText("Done · 25.00 USD").count()).toBe(2);

  await page.getByRole("link", { name: "Policy" }).click();
  await page.getByRole("row", { name: /pay_service.*premium-report.*25\.00 USD/ }).waitFor();
});

test.skipIf(!runsAll)("cancel is in reach while something runs, and says what became of it", async () => {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession();
  const { page } = await open(`/sessions/${id}`);
  await give(page, payReport);
  await card(page).waitFor();
  await button(page, "Cancel").click();

  await page.getByText(/Cancelled by alice; 25\.00 USD released\./).waitFor();
  await card(page).waitFor({ state: "detached" });
  expect(await button(page, "Cancel").count()).toBe(0);
});

test.skipIf(!runsAll)("a request that nobody decides goes away and says so", async () => {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession({ approval_timeout_s: 2 });
  const { page } = await open(`/sessions/${id}`);
  await give(page, payReport);
  await card(page)
    .getByText(/expires in 0:0\d/)
    .waitFor();

  await page.getByText("Nobody decided in time.").waitFor();
  await card(page).waitFor({ state: "detached" });
});

test.skipIf(!runsAll)("the agent's question is answered in words", async () => {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession();
  const { page } = await open(`/sessions/${id}`);
  await give(page, 'ask_user {"question":"Which colour?"}');
  const question = page.getByRole("region", { name: "Question" });
  await question.getByText("Which colour?").waitFor();
  await question.getByRole("textbox", { name: "Answer" }).fill("Blue.");
  await button(page, "Answer").click();

  await page.getByText(/^Approved by alice at .*: Blue\.$/).waitFor();
});

test.skipIf(!runsAll)("what services and agents say is text and never markup, and hides nothing", async () => {
  const text = '<img src=x onerror="document.title=1"> pay \u202eyap';
  const { server, open } = await consoleForTest(browser, { model: scriptedModel({ text }) });
  const { id } = await server.createSession();
  const { page, problems } = await open(`/sessions/${id}`);
  await give(page, "say it");

  await page.getByText('<img src=x onerror="document.title=1"> pay ⟨U+202E⟩yap').waitFor();
  expect(await page.getByRole("img").count()).toBe(0);
  expect(problems).toEqual([]);
});

test.skipIf(!runsAll)("the arrow keys bring earlier commands back", async () => {
  const { server, open } = await consoleForTest(browser);
  const { id } = await server.createSession();
  const { page } = await open(`/sessions/${id}`);
  for (const command of ["check_balance {}", "discover_services {}"]) await give(page, command);
  await expect.poll(() => page.getByText("Done · 0.00 USD").count()).toBe(2);
  const box = page.getByRole("textbox", { name: "Command" });

  await box.press("ArrowUp");
  await box.press("ArrowUp");
  expect(await box.inputValue()).toBe("check_balance {}");
  await box.press("ArrowDown");
  expect(await box.inputValue()).toBe("discover_services {}");
});

test.skipIf(!runsAll)(
  "a server that is killed while it works is followed to the end",
  { timeout: 60_000 },
  async () => {
    const database = await databaseForProcesses();
    const server = await startProcess(database, "paygent");
    const { page } = await openConsole(browser, { url: server.url, token: await server.token() });
    await give(page, "wait 3 seconds; then check balance");
    await page.getByText("wait", { exact: true }).waitFor();
    await server.kill();
    await page.getByText("The server does not answer.").waitFor();
    // Given while the server is away: it is sent when it is back.
    await give(page, "find services for news");
    await startProcess(database, "paygent", { PORT: new URL(server.url).port });

    await expect.poll(() => page.getByText(/^Done · 0\.00 USD/).count(), { timeout: 30_000 }).toBe(2);
    await page.getByText(/Waited 3 seconds/).waitFor();
  },
);

test.skipIf(!runsAll)("text is shown while it is written, and once when a cut connection is back", async () => {
  const written = Promise.withResolvers<void>();
  const model = scriptedModel(async (_request, { onText }) => {
    onText("Half of it");
    await written.promise;
    return { text: "Half of it, and the rest." };
  });
  const { server, open } = await consoleForTest(browser, { model });
  const { id } = await server.createSession();
  const { page } = await open();
  const sockets: { close(options: { code: number }): Promise<void> }[] = [];
  await page.routeWebSocket(/\/api\/v1\/ws/, (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  await page.goto(`${server.url}/#/sessions/${id}`);
  await give(page, "write");
  await page.getByText("Half of it").waitFor();

  await sockets.at(-1)?.close({ code: 1001 });
  await expect.poll(() => sockets.length).toBe(2);
  written.resolve();

  await page.getByText("Half of it, and the rest.").waitFor();
  expect(await page.getByText(/Half of it/).count()).toBe(1);
});
