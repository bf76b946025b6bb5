import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { openStore } from "../src/store/database.ts";
import { findSession } from "../src/store/sessions.ts";
import { administer, canOwnPostgres, ownPostgres, urlOf } from "./support/own-postgres.ts";

const own = ownPostgres();

/** A store that has read over the direct way, and the processes of PostgreSQL that serve it. */
async function usedStore(database: string) {
  const postgres = own();
  await administer(postgres, [`create database ${database}`]);
  const store = await openStore({ url: urlOf(postgres, { database }) });
  await findSession(store.db, "none");
  const backends = async (): Promise<number[]> => {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    const { rows } = await client.query("select pid from pg_stat_activity where datname = $1", [database]);
    await client.end();
    return rows.map(({ pid }) => pid);
  };
  expect(await backends()).not.toEqual([]);
  /** Lets them say nothing any more, until the test is over. */
  const silence = async () => {
    const stopped = await backends();
    for (const pid of stopped) process.kill(pid, "SIGSTOP");
    onTestFinished(() => {
      for (const pid of stopped) process.kill(pid, "SIGCONT");
    });
  };
  return { store, backends, silence };
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
