import { expect } from "vitest";
import { browserTest } from "../support/browser-test.ts";
import { button } from "../support/console-page.ts";
import type { ConsoleWorld } from "../support/console-server.ts";
import { flaws, looks } from "../support/looks.ts";
import { tamper } from "../support/tamper.ts";
import { execute } from "../support/test-server.ts";

const buyNews = 'pay_service {"service":"news"}';

/** A session with two executions that have ended. */
async function usedSession({ server, open }: ConsoleWorld) {
  const { id } = await server.createSession();
  const client = await server.connect(id);
  await client.end(execute(client, "check_balance {}"));
  await client.end(execute(client, buyNews));
  const lastSeq = async () => (await server.http("GET", `/sessions/${id}`)).body.last_seq;
  return { server, open, id, client, lastSeq };
}

browserTest("the log goes back and forth in time, by button, slider and key", async ({ startConsole }) => {
  const { open, id, lastSeq } = await usedSession(await startConsole());
  const end = await lastSeq();
  const { page } = await open(`/sessions/${id}/log`);
  await page.getByText("Done · 2.00 USD").waitFor();
  const at = (seq: number) => page.getByText(`Event ${seq} of ${end}:`).waitFor();
  await at(end);

  await page.keyboard.press("Home");
  await at(1);
  expect(await page.getByText("Done · 2.00 USD").count()).toBe(0);
  await page.keyboard.press("ArrowRight");
  await at(2);
  await button(page, "Later").click();
  await at(3);
  await page.keyboard.press("ArrowLeft");
  await at(2);
  await button(page, "Earlier").click();
  await at(1);
  await page.getByRole("slider", { name: "Moment" }).fill("4");
  await at(4);
  await page.getByRole("slider", { name: "Moment" }).blur();
  await page.keyboard.press("End");
  await at(end);
  await page.getByText("Done · 2.00 USD").waitFor();
});

browserTest("one execution is stepped through by its own events", async ({ startConsole }) => {
  const { server, open, id } = await usedSession(await startConsole());
  const { page } = await open(`/sessions/${id}/log`);
  await page.getByText("Done · 2.00 USD").waitFor();
  const { body } = await server.http("GET", `/logs?session_id=${id}`);
  const isOfBuying = ({ data }: { data: { command?: string } }) => data.command === buyNews;
  const first = body.data.find(isOfBuying);

  await page.getByRole("combobox", { name: "Execution" }).selectOption({ label: buyNews });
  await page.keyboard.press("Home");

  await page.getByText(`Event ${first.seq} of`).waitFor();
  const timeline = page.getByRole("region", { name: "Timeline" });
  await timeline.getByText(buyNews).waitFor();
  expect(await timeline.getByText("check_balance").count()).toBe(0);
  await page.keyboard.press("ArrowLeft");
  await page.getByText(`Event ${first.seq} of`).waitFor();
});

browserTest(
  "a whole log is verified in the browser, also against a checkpoint after it has grown",
  async ({ startConsole }) => {
    const { open, id, client, lastSeq } = await usedSession(await startConsole());
    const { page, problems } = await open(`/sessions/${id}/log`);
    await button(page, "Verify").click();
    const count = await lastSeq();
    await page.getByText(`${count} events hold together.`).waitFor();
    const checkpoint = (await page.getByText(new RegExp(`^${count}:[0-9a-f]{64}$`)).textContent()) ?? "";

    await client.end(execute(client, "check_balance {}"));
    await page.getByText(`of ${await lastSeq()}:`).waitFor();
    await button(page, "with a checkpoint").click();
    const field = page.getByRole("textbox", { name: "Checkpoint" });
    await field.fill(checkpoint);
    await button(page, "Verify").click();
    await page.getByText(`event ${count} is the checkpoint's`).waitFor();

    await field.fill(checkpoint.slice(0, -4));
    await page.getByText("A checkpoint is a number, a colon and 64 digits").waitFor();
    await field.fill(`3:${"0".repeat(64)}`);
    await button(page, "Verify").click();
    await page.getByText("Event 3 is not the checkpoint's").waitFor();
    expect(problems).toEqual([]);
  },
);

browserTest.for<[string, (id: string) => string, string]>([
  [
    "an edited event",
    (id: string) => `update events set data = replace(data, 'check', 'chuck') where session_id = '${id}' and seq = 3`,
    "Event 3 or its hash was altered. The first event that does not fit is event 3; the 2 before it hold together.",
  ],
  [
    "a removed event",
    (id: string) => `delete from events where session_id = '${id}' and seq = 4`,
    "Event 4 was removed. The first event that does not fit is event 4; the 3 before it hold together.",
  ],
  [
    "a log whose end was cut off",
    (id: string) => `delete from events where session_id = '${id}' and seq > 5`,
    "The log was truncated: events 6 to",
  ],
])(
  "%s is found by the browser, and the first event that does not fit is named",
  async ([_name, sql, words], { startConsole }) => {
    const { server, open, id } = await usedSession(await startConsole());
    await tamper(server.database, sql(id));
    const { page } = await open(`/sessions/${id}/log`);

    await button(page, "Verify").click();

    const alert = page.getByRole("alert");
    await alert.getByText("This log is not as it was written.").waitFor();
    expect((await alert.textContent())?.replaceAll(/\s+/g, " ")).toContain(words);
    expect(await alert.getByRole("button", { name: /^Show event \d+$/ }).count()).toBe(1);
  },
);

browserTest.for(looks)("the log is accessible and fits: %s", async ([look, options], { startConsole }) => {
  const { server, open, id } = await usedSession(await startConsole());
  const { page, problems } = await open(`/sessions/${id}/log`, options);
  await page.getByText("Done · 2.00 USD").waitFor();
  await button(page, "Verify").click();
  await page.getByText("events hold together.").waitFor();
  expect(await flaws(page, "log", look)).toEqual([]);

  await tamper(server.database, `delete from events where session_id = '${id}' and seq = 4`);
  await button(page, "Verify").click();
  await page.getByText("Event 4 was removed.").waitFor();
  expect(await flaws(page, "log-broken", look)).toEqual([]);
  expect(problems).toEqual([]);
});

browserTest("a session in which nothing has happened has an empty log", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const { id } = await server.createSession();
  const { page } = await open(`/sessions/${id}/log`);

  await page.getByText("Nothing has happened in this session yet.").waitFor();
});
