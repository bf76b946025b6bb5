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
  /** As a user with a token of `claims`; alice, unless told. */
  readonly open: (
    path?: string,
    options?: Parameters<typeof openConsole>[2],
    as?: { readonly userId?: string; readonly claims?: Record<string, unknown> },
  ) => Promise<ConsolePage>;
}> {
  const server = await serverForTest({ model: callingModel(), ...parts });
  return {
    server,
    async open(path = "/", options, { userId, claims } = {}) {
      const token = await server.token(userId, claims);
      const opened = await openConsole(browser, { url: server.url, token }, options);
      onTestFinished(() => opened.page.context().close());
      if (path !== "/") await opened.page.goto(`${server.url}/#${path}`);
      return opened;
    },
  };
}
