import { expect, onTestFinished, test } from "vitest";
import { openStore } from "../src/store/database.ts";
import { findSession } from "../src/store/sessions.ts";
import { administer, backendsOf, canOwnPostgres, ownPostgres, silence, urlOf } from "./support/own-postgres.ts";

const own = ownPostgres();

/** A store that has read over the direct way, and the processes of PostgreSQL that serve it. */
async function usedStore(database: string) {
  const postgres = own();
  await administer(postgres, [`create database ${database}`]);
  const store = await openStore({ url: urlOf(postgres, { database }) });
  await findSession(store.db, "none");
  const backends = () => backendsOf(postgres, database);
  expect(await backends()).not.toEqual([]);
  return { store, backends, silence: async () => silence(await backends()) };
}

test.skipIf(!canOwnPostgres)("a store that is closed leaves no connection open", async () => {
  const { store, backends } = await usedStore("closed");

  await store.close();

  await expect.poll(backends, { timeout: 5000 }).toEqual([]);
});

const openSockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;

test.skipIf(!canOwnPostgres)("nor one to a PostgreSQL that has fallen silent, which holds nobody up", async () => {
  const before = openSockets();
  const { store, silence } = await usedStore("silent");
  await silence();

  await store.close();

  await expect.poll(openSockets, { timeout: 5000 }).toBe(before);
});

test.skipIf(!canOwnPostgres)(
  "what a PostgreSQL that has fallen silent does not answer is unavailable",
  { timeout: 30_000 },
  async () => {
    const { store, silence } = await usedStore("mute");
    onTestFinished(() => store.close());
    await silence();

    await expect(findSession(store.db, "none")).rejects.toMatchObject({ code: "unavailable" });
  },
);
