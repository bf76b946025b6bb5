import { once } from "node:events";
import { createServer as createPlainServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificates, testAuthority } from "./support/certificates.ts";
import { dataOf } from "./support/events-of.ts";
import type { Stall, StallBehaviour, Visit } from "./support/hostile-shop.ts";
import { type HostileWorld, startHostileWorld } from "./support/hostile-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

const trusted = getCACertificates("default");
let world: HostileWorld;
let server: TestServer;
/** Where services send the agent with its payment: a host without TLS, and another one with a good certificate. */
const strangers: { close(): void; readonly url: string }[] = [];
const visits: string[] = [];
let stalls = 0;

beforeAll(async () => {
  setDefaultCACertificates([...trusted, testAuthority]);
  for (const [scheme, stranger] of [
    ["http", createPlainServer()],
    ["https", createTlsServer(certificates.valid)],
  ] as const) {
    stranger.on("connection", () => visits.push(scheme)).on("request", (_request, response) => response.end("caught"));
    stranger.listen(0, "127.0.0.1");
    await once(stranger, "listening");
    // A listening TCP server has an address with a port.
    strangers.push({
      url: `${scheme}://127.0.0.1:${(stranger.address() as AddressInfo).port}`,
      close: () => stranger.close(),
    });
  }
  world = await startHostileWorld(certificates.valid);
  // The guard would let the agent go to them, so that only the redirect itself stands in its way.
  const allowedHosts = [...world.allowedHosts, ...strangers.map(({ url }) => new URL(url).host)];
  server = await startTestServer({ world: { ...world, allowedHosts }, model: callingModel() });
});

afterAll(async () => {
  // The world goes with it.
  await server.remove();
  for (const stranger of strangers) stranger.close();
  setDefaultCACertificates(trusted);
});

const tools = ["pay_service", "fetch_url"] as const;

/** Buys from a stall by one of the tools that pay, and gives what came of it. */
async function buy(tool: (typeof tools)[number], behaviour: StallBehaviour) {
  stalls += 1;
  const stall = world.open(`stall-${stalls}`, behaviour);
  const { id } = await server.createSession();
  const client = await server.connect(id);
  const args = tool === "pay_service" ? { service: stall.name } : { url: stall.url };
  const execution = execute(client, `${tool} ${JSON.stringify(args)}`);
  await client.end(execution);
  const { spent, reserved } = (await server.http("GET", `/sessions/${id}`)).body.budget;
  return {
    stall,
    result: dataOf(client, execution, "tool_result")[0],
    budget: { spent, reserved },
    paid: await world.paidTo(stall),
  };
}

/** Where a redirect leads: to the same page without TLS, to a host without, or to another one with TLS. */
const targets: readonly (readonly [string, (stall: Stall) => string])[] = [
  ["itself without TLS", ({ url }) => url.replace("https:", "http:")],
  ["a host without TLS", () => `${strangers[0]?.url}/payment`],
  ["another host with TLS", () => `${strangers[1]?.url}/payment`],
  ["another host with TLS, by its bare address", () => `${strangers[1]?.url}/payment`.replace("https:", "")],
];
const redirect = (status: number, to: (stall: Stall) => string) => (visit: Visit) =>
  visit.answer(status, "", { location: to(visit.stall) });

describe.concurrent.each(tools)("%s at a service with TLS", (tool) => {
  test("pays what it asks", async () => {
    const { result, paid, budget } = await buy(tool, {});

    expect(result).toMatchObject({ success: true, cost: { amount: "0.10" } });
    expect(paid).toBe(100_000n);
    expect(budget).toEqual({ spent: "0.10", reserved: "0.00" });
  });

  describe.concurrent.each(targets)("that redirects the payment to %s", (_, to) => {
    test.each([301, 302, 303, 307, 308])("by %i pays nothing and follows nothing", async (status) => {
      const { result, paid, budget } = await buy(tool, { paid: redirect(status, to) });

      expect(result).toMatchObject({ success: false, error: { code: "payment_failed" } });
      expect(paid).toBe(0n);
      expect(budget).toEqual({ spent: "0.00", reserved: "0.00" });
      expect(visits).toEqual([]);
    });

    test("once it has settled it is paid once, and nothing is followed", async () => {
      const { result, paid, budget, stall } = await buy(tool, {
        async paid(visit) {
          if (visit.payments === 1) expect(await visit.settle()).toMatchObject({ success: true });
          redirect(307, to)(visit);
        },
      });

      expect(result).toMatchObject({ success: false, error: { code: "tool_failed" }, cost: { amount: "0.10" } });
      expect(paid).toBe(100_000n);
      expect(budget).toEqual({ spent: "0.10", reserved: "0.00" });
      expect(stall.payments).toHaveLength(1);
      expect(visits).toEqual([]);
    });
  });

  test("that redirects the unpaid request to a host without TLS is not followed", async () => {
    const { result, paid } = await buy(tool, { quote: redirect(302, () => `${strangers[0]?.url}/`) });

    expect(result).toMatchObject({
      success: false,
      error: { code: tool === "fetch_url" ? "url_blocked" : "tool_failed" },
    });
    expect(paid).toBe(0n);
    expect(visits).toEqual([]);
  });
});

describe.each(tools)("%s at a service with TLS", (tool) => {
  test.each([
    ["of nobody that is trusted", certificates.stranger],
    ["of another name", certificates.other],
    ["that has expired", certificates.expired],
  ])("with a certificate %s is asked and paid nothing", async (_, certificate) => {
    let asked = 0;
    world.shop.showCertificate(certificate);

    const { result, paid, budget } = await buy(tool, { quote: () => (asked += 1) });
    world.shop.showCertificate(certificates.valid);

    expect(result).toMatchObject({ success: false, error: { code: "tool_failed" } });
    expect(asked).toBe(0);
    expect(paid).toBe(0n);
    expect(budget).toEqual({ spent: "0.00", reserved: "0.00" });
  });

  test("whose certificate is another one when it is paid is sent no payment", async () => {
    const { result, paid, budget, stall } = await buy(tool, {
      quote(visit) {
        visit.response.on("finish", () => setImmediate(() => world.shop.showCertificate(certificates.stranger)));
        visit.response.setHeader("connection", "close");
        visit.demand([visit.stall.option()]);
      },
    });
    world.shop.showCertificate(certificates.valid);

    expect(result).toMatchObject({ success: false, error: { code: "payment_failed" } });
    expect(stall.payments).toEqual([]);
    expect(paid).toBe(0n);
    expect(budget).toEqual({ spent: "0.00", reserved: "0.00" });
  });
});

test("nothing else left the wallet, and nobody else was reached", async () => {
  const paid = await Promise.all(world.shop.stalls.map((stall) => world.paidTo(stall)));

  expect(await world.paidInAll()).toBe(paid.reduce((sum, amount) => sum + amount, 0n));
  expect(visits).toEqual([]);
});
