import { test, vi } from "vitest";
import { buildConsole, hasChromium, openBrowser, runsAll } from "./browser.ts";
import { consoleForTest } from "./console-server.ts";

// A page takes its time on a machine that does other things beside.
vi.setConfig({ testTimeout: 60_000 });

const withBrowser = test
  // The browser of all tests of a file, started by the first that needs it.
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads what a fixture needs from its pattern.
  .extend("browser", { scope: "file" }, async ({}, { onCleanup }) => {
    await buildConsole();
    const browser = await openBrowser();
    onCleanup(() => browser.close());
    return browser;
  })
  .extend("startConsole", ({ browser }) => (parts: Parameters<typeof consoleForTest>[1] = {}) => {
    return consoleForTest(browser, parts);
  });

/** A test in a browser, which `npm test` runs too. */
export const consoleTest = withBrowser.skipIf(!hasChromium);
/** A test in a browser, which `npm run test:browser` runs. */
export const browserTest = withBrowser.skipIf(!runsAll);
