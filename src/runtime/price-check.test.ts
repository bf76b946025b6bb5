import { expect, test } from "vitest";
import { buyTool } from "../../test/support/buy-tool.ts";
import { fakeWorld } from "../../test/support/fake-world.ts";
import { SessionConfig } from "../protocol/session-config.ts";
import { quoteFor } from "./price-check.ts";
import type { Wallet } from "./wallet.ts";
import type { Web } from "./web.ts";

const web: Web = {
  ask: () => Promise.reject(new Error("No page is asked here.")),
  pay: () => Promise.reject(new Error("No page is paid here.")),
};

test("a service that does not name its price in time is a time-out, and no failure from inside", async () => {
  const { wallet } = fakeWorld();
  const silent: Wallet = {
    ...wallet,
    quote: (_url, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
  };
  const pricing = { wallet: silent, web, config: SessionConfig.parse({}) };

  const quote = quoteFor(pricing, buyTool, { url: "https://shop.test/thing" }, 5);

  await expect(quote).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("shop.test") });
});
