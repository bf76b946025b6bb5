import { expect, test } from "vitest";
import { fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { runSql } from "./support/store-fault.ts";
import { execute, startTestServer } from "./support/test-server.ts";

test("a run that is over its time after it was taken over leaves the payment to who took it", async () => {
  const world = fakeWorld();
  const sending = Promise.withResolvers<AbortSignal>();
  let isVoided = false;
  world.wallet.send = async (_terms, _signed, signal) => {
    sending.resolve(signal);
    return await new Promise(() => undefined);
  };
  world.wallet.cancel = async () => {
    isVoided = true;
  };
  const server = await startTestServer({ world, model: callingModel() });
  const { id } = await server.createSession({ execution_timeout_s: 2 });
  const execution = execute(await server.connect(id), 'pay_service {"service":"market-data"}');
  const signal = await sending.promise;
  await runSql(
    server.database,
    `insert into nodes (id, heartbeat_at) values ('another', '2999-01-01T00:00:00.000Z');
     update executions set owner = 'another', fence = fence + 1 where id = '${execution}'`,
  );

  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  await server.remove();

  expect(signal.reason).toMatchObject({ reason: { kind: "timeout" } });
  expect(isVoided).toBe(false);
});
