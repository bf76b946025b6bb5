import { expect } from "vitest";
import { keepPicture } from "../support/browser.ts";
import { browserTest } from "../support/browser-test.ts";
import { button, card, eventually, give, payReport, timeline } from "../support/console-page.ts";
import { execute } from "../support/test-server.ts";

browserTest("of two browsers that decide at once one is told who was faster", async ({ startConsole }) => {
  const { open, openSession } = await startConsole();
  const first = await openSession();
  const second = await open(`/sessions/${first.id}`);
  await give(first.page, payReport);
  await card(first.page).waitFor();
  await button(second.page, "Reject").click();
  await second.page.getByRole("textbox", { name: "Reason" }).waitFor();

  const isFast = { timeout: 1000 };
  await Promise.allSettled([button(first.page, "Approve").click(isFast), button(second.page, "Reject").click(isFast)]);

  const said = /(Approved|Rejected) by alice at/;
  await Promise.all([first.page.getByText(said).waitFor(), second.page.getByText(said).waitFor()]);
  expect(await first.page.getByText(said).textContent()).toBe(await second.page.getByText(said).textContent());
  await Promise.all([
    card(first.page).waitFor({ state: "detached" }),
    card(second.page).waitFor({ state: "detached" }),
  ]);
  const faster = /^Somebody was faster: already (approved|rejected) by alice at/;
  await eventually(
    async () => (await first.page.getByText(faster).count()) + (await second.page.getByText(faster).count()),
  ).toBe(1);
});

browserTest("a decision that came too late says who decided what", async ({ startConsole }) => {
  const { server, openSession } = await startConsole();
  const { page } = await openSession();
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

browserTest("a request that somebody else decides leaves with a word on who did", async ({ startConsole }) => {
  const { server, openSession } = await startConsole();
  const { page } = await openSession({ approvers: ["alice", "bob"] });
  await give(page, payReport);
  await button(page, "Edit").click();
  const [request] = (await server.http("GET", "/approvals?status=pending")).body.data;

  await server.http("POST", `/approvals/${request.request_id}/approve`, { userId: "bob" });

  await page.getByText(/^Somebody was faster: already approved by bob at/).waitFor();
  await button(page, "Dismiss").click();
  await page.getByText("Done · 25.00 USD").waitFor();
  expect(await page.getByText("Somebody was faster").count()).toBe(0);
});

browserTest("an edit is a form of the tool's schema, and shows what it changes", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page, problems } = await openSession();
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
});

browserTest("an edit that the server refuses leaves the request open, with the reason", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page } = await openSession();
  await give(page, payReport);
  await button(page, "Edit").click();
  await page.getByRole("textbox", { name: /^service/ }).fill("nowhere");
  await button(page, "Send changed call").click();

  await card(page)
    .getByText(/There is no service called "nowhere"/)
    .waitFor();
  await button(page, "Back").click();
  await button(page, "Approve").click();
  await page.getByText("Done · 25.00 USD").waitFor();
});

browserTest("a decision by keyboard leaves the focus on the page", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page } = await openSession();
  await give(page, payReport);
  await card(page).waitFor();
  await page.getByText("One request waits for a decision.").waitFor();

  await button(page, "Approve").press("Enter");
  await card(page).waitFor({ state: "detached" });

  const focused = () => page.evaluate("document.activeElement?.getAttribute('aria-label')");
  await eventually(focused).toBe("Timeline");
});

browserTest("a rejection carries its reason, and nothing is paid", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page } = await openSession();
  await give(page, payReport);
  await button(page, "Reject").click();
  await page.getByRole("textbox", { name: "Reason" }).fill("too dear");
  await button(page, "Reject").click();

  await page.getByText(/^Rejected by alice at .*: too dear$/).waitFor();
  await page.getByText("Not done").waitFor();
  expect(await page.getByRole("region", { name: "Receipt" }).count()).toBe(0);
});

browserTest("always allow spells out its rule, and the next such call is not asked about", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page } = await openSession();
  await give(page, payReport);
  await button(page, "Always allow…").click();
  await page
    .getByText(/pay_service may pay premium-report up to 25\.00 USD each in this session without asking/)
    .waitFor();
  await button(page, "Approve and remember").click();
  await page.getByText("Done · 25.00 USD").waitFor();
  await give(page, payReport);
  await eventually(() => page.getByText("Done · 25.00 USD").count()).toBe(2);

  await page.getByRole("link", { name: "Policy" }).click();
  await page.getByRole("tab", { name: "Always allowed" }).click();
  await page.getByRole("row", { name: /pay_service.*premium-report.*25\.00 USD/ }).waitFor();
});

browserTest("a request that nobody decides counts down, goes away and says so", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page } = await openSession({ approval_timeout_s: 2 });
  await give(page, payReport);
  await card(page)
    .getByText(/expires in 0:0\d/)
    .waitFor();

  await page.getByText("Nobody decided in time.").waitFor();
  await card(page).waitFor({ state: "detached" });
});

browserTest("the agent's question is answered in words", async ({ startConsole }) => {
  const { openSession } = await startConsole();
  const { page } = await openSession();
  await give(page, 'ask_user {"question":"Which colour?"}');
  const question = page.getByRole("region", { name: "Question" });
  await question.getByText("Which colour?").waitFor();
  await question.getByRole("textbox", { name: "Answer" }).fill("Blue.");
  await button(page, "Answer").click();

  await page.getByText(/^Approved by alice at .*: Blue\.$/).waitFor();
});

browserTest("a payment that needs two people shows the votes, and each votes once", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const { id } = await server.createSession({
    approvers: ["bob", "carol"],
    quorum: [{ above_usd: "20", approvals: 2 }],
  });
  const client = await server.connect(id);
  await client.first("approval_required", execute(client, payReport));
  const [bob, carol] = await Promise.all([
    open(`/sessions/${id}`, {}, { userId: "bob" }),
    open("/inbox", {}, { userId: "carol" }),
  ]);
  await card(bob.page).getByText("0 of 2 so far.").waitFor();
  await keepPicture(bob.page, "quorum");

  await button(bob.page, "Approve").click();
  await card(bob.page).getByText("1 of 2 so far:").waitFor();
  await timeline(bob.page)
    .getByText(/^bob approved at .* \(1 of 2\)\.$/)
    .waitFor();
  await card(bob.page).getByText("You have approved; it waits for others.").waitFor();
  expect(await button(bob.page, "Approve").isDisabled()).toBe(true);
  await button(carol.page, "Approve").click();

  await bob.page.getByText(/^Approved by carol at/).waitFor();
  await card(bob.page).waitFor({ state: "detached" });
  await carol.page.getByText("Nothing waits for you.").waitFor();
});
