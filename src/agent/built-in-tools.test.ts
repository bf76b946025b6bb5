import { expect, test } from "vitest";
import * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import type { Service } from "../protocol/resources.ts";
import type { Tool, ToolContext } from "../runtime/tool.ts";
import type { Wallet } from "../runtime/wallet.ts";
import { builtInTools } from "./built-in-tools.ts";

const refuse = async (): Promise<never> => {
  throw new Error("These tools do not move money.");
};
const wallet: Wallet = {
  balance: async () => ({ address: "0x1", network: "eip155:31337", currency: "USDC", amount: "12.50" }),
  quote: refuse,
  sign: refuse,
  send: refuse,
  outcome: refuse,
  cancel: refuse,
  termsOf: () => {
    throw new Error("These tools do not move money.");
  },
  transferTerms: () => {
    throw new Error("These tools do not move money.");
  },
};

function service(name: string, price: string, description: string): Service {
  return { name, description, url: `http://127.0.0.1:4021/${name}`, price, currency: "USDC", network: "eip155:31337" };
}
const services = [
  service("market-data", "0.10", "Prices of the day"),
  service("news", "2", "What happened"),
  service("premium-report", "25", "A report on prices"),
];
const catalogue = { list: () => services, find: (name: string) => services.find((known) => known.name === name) };

function toolNamed(name: string): Tool {
  const tool = builtInTools({ wallet, catalogue }).find((known) => known.name === name);
  if (!tool) throw new Error(`There is no tool ${name}.`);
  return tool;
}

async function run(tool: Tool, args: Record<string, unknown>, context: Partial<ToolContext> = {}): Promise<unknown> {
  if (tool.effect !== "read") throw new Error(`${tool.name} does not read.`);
  return tool.run(tool.args.parse(args), {
    sessionId: "s",
    executionId: "e",
    toolId: "t",
    signal: new AbortController().signal,
    proposedAt: 0,
    now: () => 0,
    requireHost: () => undefined,
    budget: async () => ({ limit: "50.00", spent: "1.00", reserved: "0.00", remaining: "49.00" }),
    ...context,
  });
}

function purchaseBy(name: string, args: Record<string, unknown>) {
  const tool = toolNamed(name);
  if (tool.effect !== "payment") throw new Error(`${name} is expected to pay.`);
  return tool.purchase(tool.args.parse(args));
}

const purchase = (args: Record<string, unknown>) => purchaseBy("pay_service", args);

function codeOf(act: () => unknown): string {
  try {
    act();
    return "nothing thrown";
  } catch (error) {
    return error instanceof PaygentError ? error.code : String(error);
  }
}

test("every tool can show a model its arguments as a JSON Schema of type object", () => {
  for (const tool of builtInTools({ wallet, catalogue })) {
    expect(z.toJSONSchema(tool.args, { io: "input" })).toMatchObject({ type: "object", additionalProperties: false });
  }
});

test("a service is bought by its name in any case, with the ceiling that was given", () => {
  expect(purchase({ service: "Market-Data", max_amount: "0.10" })).toEqual({
    url: "http://127.0.0.1:4021/market-data",
    payee: "market-data",
    isListed: true,
    maxAmount: "0.10",
  });
});

test("an unknown service is not found and the known ones are named", () => {
  expect(() => purchase({ service: "gold" })).toThrow("Known services: market-data, news, premium-report.");
  expect(codeOf(() => purchase({ service: "gold" }))).toBe("not_found");
});

test.each([
  ["today", "http://127.0.0.1:4021/news/today"],
  ["/today/2", "http://127.0.0.1:4021/news/today/2"],
  ["?q=a%2Fb", "http://127.0.0.1:4021/news?q=a%2Fb"],
  ["today?next=http://evil.example/", "http://127.0.0.1:4021/news/today?next=http%3A%2F%2Fevil.example%2F"],
  ["http://evil.example:80", "invalid_arguments"],
  ["today/", "http://127.0.0.1:4021/news/today"],
  ["", "http://127.0.0.1:4021/news"],
])("the path %j leads to %s", (path, expected) => {
  let url = "";
  const code = codeOf(() => {
    const wanted = purchase({ service: "news", path });
    url = "url" in wanted ? wanted.url : "";
  });

  expect(url || code).toBe(expected);
});

test.each([
  "../premium-report",
  "/../premium-report",
  "a/../../premium-report",
  "..",
  ".%2e/premium-report",
  "%2e%2e/premium-report",
  "..%2fpremium-report",
  "..\\premium-report",
  "//evil.example/",
  "/\\evil.example",
  "a\n/../../premium-report",
  "a\t",
  "x#y",
])("the path %j is refused", (path) => {
  expect(codeOf(() => purchase({ service: "news", path }))).toBe("invalid_arguments");
});

test.each(["-1", "1e3", "0x10", "", " 1", 1])("the ceiling %j is no amount", (max_amount) => {
  expect(toolNamed("pay_service").args.safeParse({ service: "news", max_amount }).success).toBe(false);
});

test("the balance comes with the session's budget", async () => {
  expect(await run(toolNamed("check_balance"), {})).toMatchObject({ amount: "12.50", budget: { remaining: "49.00" } });
});

test("services are found by word and price", async () => {
  const found = await run(toolNamed("discover_services"), { query: "PRICES gold", max_price: "2" });

  expect(found).toEqual({
    services: [{ name: "market-data", description: "Prices of the day", price: "0.10", currency: "USDC" }],
  });
});

test("a wait that is over before it starts again returns at once", async () => {
  const context = { proposedAt: 1000, now: () => 301_000 };

  expect(await run(toolNamed("wait"), { seconds: 300 }, context)).toEqual({ waited_seconds: 300 });
});

test("a wait ends with the reason of its signal", async () => {
  const controller = new AbortController();
  const reason = new Error("cancelled");

  const waiting = run(toolNamed("wait"), { seconds: 300 }, { signal: controller.signal });
  controller.abort(reason);

  await expect(waiting).rejects.toBe(reason);
});

test.each([0, -1, 300.1, "5", Number.NaN])("%j is no number of seconds to wait", (seconds) => {
  expect(toolNamed("wait").args.safeParse({ seconds }).success).toBe(false);
});

test("delegate knows the subagents by name", () => {
  const { args } = toolNamed("delegate");

  expect(args.safeParse({ agent: "researcher", task: "tin" }).success).toBe(true);
  expect(args.safeParse({ agent: "thief", task: "tin" }).success).toBe(false);
});

test("a fetch is one request of a page, at its own price, by its own method", () => {
  const args = { url: "https://shop.example/orders", method: "POST", body: "{}", max_amount: "0.10" };

  const wanted = purchaseBy("fetch_url", args);

  expect(wanted).toEqual({
    kind: "page",
    url: "https://shop.example/orders",
    method: "POST",
    body: "{}",
    payee: "shop.example",
    maxAmount: "0.10",
  });
  expect(codeOf(() => purchaseBy("fetch_url", { url: "https://shop.example/", body: "{}" }))).toBe("invalid_arguments");
});
