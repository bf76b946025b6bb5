import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import type { Tool, ToolContext } from "../runtime/tool.ts";
import type { Service, Wallet } from "../runtime/wallet.ts";
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

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A listening TCP server has an address with a port.
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function toolNamed(name: string, allowedHosts: string[] = []): Tool {
  const tool = builtInTools({ wallet, catalogue, allowedHosts }).find((known) => known.name === name);
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

function purchase(args: Record<string, unknown>) {
  const tool = toolNamed("pay_service");
  if (tool.effect !== "payment") throw new Error("pay_service is expected to pay.");
  return tool.purchase(args);
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return "nothing thrown";
  } catch (error) {
    return error instanceof PaygentError ? error.code : String(error);
  }
}

test("every tool can show a model its arguments as a JSON Schema of type object", () => {
  for (const tool of builtInTools({ wallet, catalogue, allowedHosts: [] })) {
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
    url = purchase({ service: "news", path }).url;
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

test("a page is fetched with its status, type and body", async () => {
  const host = await serve((_request, response) => {
    response.writeHead(404, { "content-type": "text/plain" }).end("gone");
  });

  const page = await run(toolNamed("fetch_url", [host]), { url: `http://${host}/a?b=c` });

  expect(page).toEqual({ status: 404, content_type: "text/plain", body: "gone" });
});

test("a body is read up to 256 KiB, and what is no text is left out", async () => {
  const host = await serve((request, response) => {
    if (request.url === "/image") response.writeHead(200, { "content-type": "image/png" }).end("binary");
    else response.writeHead(200, { "content-type": "text/plain" }).end("x".repeat(1_000_000));
  });
  const tool = toolNamed("fetch_url", [host]);

  const long = await run(tool, { url: `http://${host}/` });

  expect(long).toMatchObject({ body: "x".repeat(256 * 1024), truncated: true });
  expect(await run(tool, { url: `http://${host}/image` })).toMatchObject({ body: "" });
});

test("a page that asks for payment is a tool error that names pay_service", async () => {
  const host = await serve((_request, response) => response.writeHead(402).end());

  const fetching = run(toolNamed("fetch_url", [host]), { url: `http://${host}/` });

  await expect(fetching).rejects.toMatchObject({
    code: "tool_failed",
    message: expect.stringContaining("pay_service"),
  });
});

test("redirects are followed to allowed hosts, and at most five of them", async () => {
  const host = await serve((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end("moved");
    else response.writeHead(200, { "content-type": "text/plain" }).end("here");
  });
  const tool = toolNamed("fetch_url", [host]);

  expect(await run(tool, { url: `http://${host}/5` })).toMatchObject({ body: "here" });
  await expect(run(tool, { url: `http://${host}/6` })).rejects.toMatchObject({ code: "tool_failed" });
});

test.each(["http://TARGET/", "//TARGET/", "http://[::ffff:7f00:1]:1/", "file:///etc/passwd", "http://"])(
  "a redirect to %s is blocked and reaches nothing",
  async (location) => {
    let reached = 0;
    const target = await serve((_request, response) => {
      reached += 1;
      response.end();
    });
    const host = await serve((_request, response) => {
      response.writeHead(307, { location: location.replace("TARGET", target) }).end();
    });

    const fetching = run(toolNamed("fetch_url", [host]), { url: `http://${host}/` });

    await expect(fetching).rejects.toMatchObject({ code: "url_blocked" });
    expect(reached).toBe(0);
  },
);

test("a fetch ends with the reason of its signal", async () => {
  const controller = new AbortController();
  const reason = new Error("cancelled");
  const host = await serve(() => controller.abort(reason));

  const fetching = run(toolNamed("fetch_url", [host]), { url: `http://${host}/` }, { signal: controller.signal });

  await expect(fetching).rejects.toBe(reason);
});
