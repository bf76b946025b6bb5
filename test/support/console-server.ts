import type { Browser } from "playwright-core";
import { onTestFinished } from "vitest";
import type { Session } from "../../src/protocol/resources.ts";
import { type ConsolePage, openConsole } from "./browser.ts";
import { callingModel } from "./scripted-model.ts";
import { serverForTest } from "./server-for-test.ts";
import type { startTestServer, TestServer } from "./test-server.ts";

/** Whose token a page has; alice's, unless told. */
interface As {
  readonly userId?: string;
  readonly claims?: Record<string, unknown>;
}

/** A server, and pages of its console. */
export interface ConsoleWorld {
  readonly server: TestServer;
  /** A page at this path, in a browser profile of its own. */
  readonly open: (path?: string, options?: Parameters<typeof openConsole>[2], as?: As) => Promise<ConsolePage>;
  /** A new session of alice's, with a page that shows it. */
  readonly openSession: (
    config?: Record<string, unknown>,
    options?: Parameters<typeof openConsole>[2],
  ) => Promise<ConsolePage & { readonly id: string }>;
}

/** A server whose model does what the command says, and a way to open pages of its console. */
export async function consoleForTest(
  browser: Browser,
  parts: Parameters<typeof startTestServer>[0] = {},
): Promise<ConsoleWorld> {
  const server = await serverForTest({ model: callingModel(), ...parts });
  const open: ConsoleWorld["open"] = async (path = "/", options = {}, { userId, claims } = {}) => {
    const token = await server.token(userId, claims);
    const opened = await openConsole(browser, { url: server.url, token }, options);
    onTestFinished(() => opened.page.context().close());
    if (path !== "/") await opened.page.goto(`${server.url}/#${path}`);
    return opened;
  };
  return {
    server,
    open,
    async openSession(config, options) {
      const { id }: Session = await server.createSession(config);
      return { ...(await open(`/sessions/${id}`, options)), id };
    },
  };
}
