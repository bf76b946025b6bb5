import { expect, onTestFinished, test } from "vitest";
import { testDatabase } from "./support/database.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { startTestServer } from "./support/test-server.ts";
import { isShared } from "./support/two-nodes.ts";

test.skipIf(!isShared)("a server that would pay from another wallet than the others does not start", async () => {
  const database = await testDatabase();
  onTestFinished(() => database.remove());
  const one = await startTestServer({ database });
  onTestFinished(() => one.remove());
  const other = fakeWorld();
  const { balance } = other.wallet;
  other.wallet.balance = async () => ({ ...(await balance()), address: "0x2222222222222222222222222222222222222222" });

  await expect(startTestServer({ database, world: other })).rejects.toThrow(
    "The other servers on this database pay from",
  );
});
