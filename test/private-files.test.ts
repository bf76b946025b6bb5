import { chmodSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "./support/database.ts";
import { startTestServer } from "./support/test-server.ts";

const isPostgres = process.env.DATABASE_URL !== undefined;

test.skipIf(isPostgres)(
  "the database and the files beside it are their owner's, and are closed if they were open",
  async () => {
    const database = await testDatabase();
    onTestFinished(() => database.remove());
    const before = process.umask(0o022);
    onTestFinished(() => void process.umask(before));
    const modes = () =>
      Object.fromEntries(
        readdirSync(database.dataDir)
          .filter((name) => name.startsWith("paygent.db") || name === "server.lock")
          .map((name) => [name, (statSync(join(database.dataDir, name)).mode & 0o777).toString(8)]),
      );
    const closed = { "paygent.db": "600", "paygent.db-shm": "600", "paygent.db-wal": "600", "server.lock": "600" };
    const first = await startTestServer({ database });
    await first.createSession();
    expect(modes()).toEqual(closed);
    await first.remove();
    chmodSync(join(database.dataDir, "paygent.db"), 0o644);

    const second = await startTestServer({ database });
    onTestFinished(() => second.remove());
    await second.createSession();

    expect(modes()).toEqual(closed);
  },
);
