import { onTestFinished } from "vitest";
import { type ConsolePage, type openBrowser, openConsole } from "./browser.ts";
import { callingModel } from "./scripted-model.ts";
import { serverForTest } from "./server-for-test.ts";
import type { startTestServer, TestServer } from "./test-server.ts";

type Browser = Awaited<ReturnType<typeof openBrowser>>;

/** A server whose model does what the command says, and a way to open pages of its console. */
export async function consoleForTest(
  browser: Browser,
  parts: Parameters<typeof startTestServer>[0] = {},
): Promise<{
  readonly server: TestServer;
  readonly open: (path?: string, options?: Parameters<typeof openConsole>[2]) => Promise<ConsolePage>;
}> {
  const server = await serverForTest({ model: callingModel(), ...parts });
  return {
    server,
    async open(path = "/", options) {
      const opened = await openConsole(browser, { url: server.url, token: await server.token() }, options);
      onTestFinished(() => opened.page.context().close());
      if (path !== "/") await opened.page.goto(`${server.url}/#${path}`);
      return opened;
    },
  };
}
