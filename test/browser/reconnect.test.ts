import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { keepPicture, openConsole } from "../support/browser.ts";
import { browserTest } from "../support/browser-test.ts";
import { button, card, eventually, give, timeline, watchSockets } from "../support/console-page.ts";
import { scriptedModel } from "../support/scripted-model.ts";
import { databaseForProcesses, startProcess } from "../support/server-process.ts";

const isAway = "The server does not answer.";

browserTest(
  "a server that is killed while it works is followed to the end",
  { timeout: 60_000 },
  async ({ browser }) => {
    const database = await databaseForProcesses();
    const server = await startProcess(database, "paygent");
    const { page } = await openConsole(browser, { url: server.url, token: await server.token() });
    await give(page, "wait 3 seconds; then check balance");
    await page.getByText("wait", { exact: true }).waitFor();
    await server.kill();
    await page.getByText(isAway).waitFor();
    // Given while the server is away: it is shown as such, and sent when the server is back.
    await give(page, "find services for news");
    await page.getByText("Not sent yet: find services for news").waitFor();
    await startProcess(database, "paygent", { PORT: new URL(server.url).port });

    await eventually(() => page.getByText(/^Done · 0\.00 USD/).count()).toBe(2);
    await page.getByText(/Waited 3 seconds/).waitFor();
    expect(await page.getByText("Not sent yet").count()).toBe(0);
  },
);

browserTest(
  "a decision that is given while the server is away holds once it is back",
  { timeout: 60_000 },
  async ({ browser }) => {
    const database = await databaseForProcesses();
    const server = await startProcess(database, "paygent");
    const { page } = await openConsole(browser, { url: server.url, token: await server.token() });
    await give(page, "pay 25 USDC to premium-report");
    await card(page).waitFor();
    await server.kill();
    await page.getByText(isAway).waitFor();

    await button(page, "Approve").click();
    await card(page).getByText("Sent; waiting for the server's answer.").waitFor();
    await startProcess(database, "paygent", { PORT: new URL(server.url).port });

    await page.getByText("Done · 25.00 USD").waitFor();
    expect(await page.getByRole("region", { name: "Receipt" }).count()).toBe(1);
  },
);

browserTest(
  "a text that is cut in mid-stream, again and again, stands once and whole in the end",
  async ({ startConsole }) => {
    const rounds = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    const wordsEach = 50;
    const said: string[] = [];
    const model = scriptedModel(async (_request, { onText }) => {
      for (const { promise } of rounds) {
        for (let count = 0; count < wordsEach; count++) {
          const word = `w${said.length} `;
          said.push(word);
          onText(word);
          await setImmediate();
        }
        await promise;
      }
      return { text: said.join("").trim() };
    });
    const { server, open } = await startConsole({ model });
    const { id } = await server.createSession();
    const { page } = await open();
    const sockets = await watchSockets(page);
    await page.goto(`${server.url}/#/sessions/${id}`);
    await give(page, "write");

    for (const [round, { resolve }] of rounds.entries()) {
      const last = `w${(round + 1) * wordsEach - 1} `.trim();
      await page.getByText(new RegExp(`\\b${last}\\b`)).waitFor();
      // What was lost is not passed over in silence.
      if (round > 0) await page.getByText(/^… w\d+/).waitFor();
      await sockets.at(-1)?.close({ code: 1001 });
      await eventually(() => sockets.length).toBe(round + 2);
      await page.getByText(isAway).waitFor({ state: "detached" });
      resolve();
    }

    await page.getByText("Done · 0.00 USD").waitFor();
    expect(said).toHaveLength(rounds.length * wordsEach);
    const shown = (await timeline(page).textContent()) ?? "";
    expect(shown.match(/w\d+/g)).toEqual(said.map((word) => word.trim()));
    const { page: fresh } = await open(`/sessions/${id}`);
    await fresh.getByText("Done · 0.00 USD").waitFor();
    expect(await timeline(fresh).textContent()).toBe(shown);
  },
);

browserTest("events that happen while the socket is cut are neither missed nor doubled", async ({ startConsole }) => {
  const { server, open } = await startConsole();
  const { id } = await server.createSession();
  const { page } = await open();
  const sockets = await watchSockets(page);
  await page.goto(`${server.url}/#/sessions/${id}`);
  const commands = 20;
  const cuts = 5;
  for (let given = 0; given < commands; given++) {
    await server.http("POST", `/sessions/${id}/executions`, { body: { command: "check_balance {}" } });
    if (given % (commands / cuts) === 1) await sockets.at(-1)?.close({ code: 1001 });
  }

  const { body: session } = await server.http("GET", `/sessions/${id}`);
  const lines = async () => {
    const places = await timeline(page)
      .getByRole("listitem")
      .evaluateAll((items) =>
        // This runs in the page, whose types are not those of this file.
        (items as unknown as { ariaSetSize: string; ariaPosInSet: string }[]).map((item) => item.ariaSetSize),
      );
    return places[0];
  };
  await eventually(lines).toBe(String(commands * 3));
  expect(sockets.length).toBeGreaterThan(cuts / 2);
  expect(session.last_seq).toBeGreaterThan(commands);
});

browserTest("a device without a network says so, and goes on when it has one", async ({ startConsole }) => {
  const { server, openSession } = await startConsole();
  const { page } = await openSession();
  await give(page, "check_balance {}");
  await page.getByText("Done · 0.00 USD").waitFor();

  await page.context().setOffline(true);
  await page.getByText("This device is offline.").waitFor();
  await keepPicture(page, "offline");
  await page.context().setOffline(false);
  await page.getByText("This device is offline.").waitFor({ state: "detached" });
  await give(page, "discover_services {}");
  await eventually(() => page.getByText("Done · 0.00 USD").count()).toBe(2);
  expect((await server.http("GET", "/sessions")).body.data).toHaveLength(1);
});
