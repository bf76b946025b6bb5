import type { Locator, Page, WebSocketRoute } from "playwright-core";
import { expect } from "vitest";

/** Commands that the tests' model makes calls of. */
export const payReport = 'pay_service {"service":"premium-report","max_amount":"25"}';
export const payNews = 'pay_service {"service":"news"}';

export function card(page: Page): Locator {
  return page.getByRole("region", { name: /^Approval of/ });
}

export function button(page: Page | Locator, name: string): Locator {
  return page.getByRole("button", { name, exact: true });
}

export function timeline(page: Page): Locator {
  return page.getByRole("region", { name: "Timeline" });
}

/** Gives a command as a person would. */
export async function give(page: Page, command: string): Promise<void> {
  await page.getByRole("textbox", { name: "Command" }).fill(command);
  await button(page, "Run").click();
}

/** The page's sockets from now on, in order, so that a test can cut them. Call it before the page opens one. */
export async function watchSockets(page: Page): Promise<readonly WebSocketRoute[]> {
  const sockets: WebSocketRoute[] = [];
  await page.routeWebSocket(/\/api\/v1\/ws/, (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  return sockets;
}

/** Waits for a value of a page, which may take its time. */
export function eventually<Value>(read: () => Value | Promise<Value>) {
  return expect.poll(read, { timeout: 15_000 });
}
