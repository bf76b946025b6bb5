import { expect, test, vi } from "vitest";
import {
  administer,
  backendsOf,
  canOwnPostgres,
  ownPostgres,
  serverOn,
  silence,
  urlOf,
} from "./support/own-postgres.ts";
import { execute, type TestServer } from "./support/test-server.ts";

vi.setConfig({ testTimeout: 60_000 });

const own = ownPostgres();
/** So long that what comes in time came by hints. */
const pollMs = 600_000;

/** A database of its own for servers of a test, whose hints can be made to fall silent. */
async function databaseWithHints(name: string) {
  const postgres = own();
  await administer(postgres, [`create database ${name}`]);
  return {
    url: urlOf(postgres, { database: name }),
    silence: async () => silence(await backendsOf(postgres, name, "paygent hints")),
  };
}

/** What a server says of its bus, looked at again and again, until it is `state`. */
async function untilBusIs(server: TestServer, state: "ok" | "failed"): Promise<void> {
  const look = async () => {
    // The server answers with what its description says.
    const { checks } = (await (await fetch(`${server.url}/health/ready`)).json()) as { checks: { bus: string } };
    return checks.bus;
  };
  await expect.poll(look, { interval: 20, timeout: 20_000 }).toBe(state);
}

test.skipIf(!canOwnPostgres)("servers whose hints fall silent notice it, say so, and hear hints again", async () => {
  const { url, silence } = await databaseWithHints("heard_again");
  const one = await serverOn(url, { pollMs });
  const other = await serverOn(url, { pollMs });
  const { id } = await one.createSession();
  const near = await one.connect(id);
  const far = await other.connect(id);

  await silence();
  await Promise.all([one, other].map((server) => untilBusIs(server, "failed")));
  await Promise.all([one, other].map((server) => untilBusIs(server, "ok")));
  const execution = execute(near, "look {}");

  expect(await far.end(execution)).toMatchObject({ type: "complete" });
});

test.skipIf(!canOwnPostgres).each([
  ["with nothing to say", "goes_down", async () => undefined],
  [
    "with a word to the others under way",
    "goes_down_amid",
    async (server: TestServer) => {
      const { id } = await server.createSession();
      await server.http("DELETE", `/sessions/${id}`);
    },
  ],
] as const)("a server whose hints have fallen silent goes down all the same, %s", async (_how, name, say) => {
  const { url, silence } = await databaseWithHints(name);
  const server = await serverOn(url, { pollMs });
  await silence();
  await say(server);

  const startedAt = performance.now();
  await server.close();

  expect(performance.now() - startedAt).toBeLessThan(4000);
});
