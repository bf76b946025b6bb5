import { createElement, type FunctionComponent } from "react";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import { createClient } from "../src/client/index.ts";
import { PaygentProvider, useApprovals, useExecution, usePaygent, useSession } from "../src/react/index.ts";
import { sessionStore } from "../src/react/session-store.ts";
import { callingModel } from "./support/scripted-model.ts";
import { serverForTest } from "./support/server-for-test.ts";
import { execute, type TestServer } from "./support/test-server.ts";

async function clientOf(server: TestServer) {
  return createClient({ url: server.url, token: await server.token() });
}

function WithoutProvider() {
  return createElement("p", undefined, typeof usePaygent());
}

/** What a component draws before anything has arrived. */
function drawn(component: FunctionComponent): string {
  const client = createClient({ url: "http://127.0.0.1:1", token: "t" });
  return renderToString(createElement(PaygentProvider, { client }, createElement(component)));
}

test("a hook without a provider says what is missing", () => {
  expect(() => renderToString(createElement(WithoutProvider))).toThrow("<PaygentProvider client={createClient(…)}>");
});

test("before anything has arrived a session is connecting, an execution unknown, and approvals are loading", () => {
  const id = "0c1f6f0e-27a4-4d3a-8b80-5d2c5d6a7e01";

  expect(drawn(() => `${useSession(id).connection.state} ${useSession(id).isCaughtUp}`)).toBe("connecting false");
  expect(drawn(() => `${useExecution(id, id)?.status}`)).toBe("undefined");
  expect(drawn(() => `${useApprovals().isLoading} ${useApprovals().approvals.length}`)).toBe("true 0");
});

test("all who show a session share one view of it, with its history and what happens now", async () => {
  const server = await serverForTest({ model: callingModel() });
  const { id } = await server.createSession();
  const other = await server.connect(id);
  await other.end(execute(other, "check_balance {}"));
  const client = await clientOf(server);
  const store = sessionStore(client, id);

  const leave = [store.subscribe(() => undefined), sessionStore(client, id).subscribe(() => undefined)];
  await expect.poll(() => store.view.isCaughtUp).toBe(true);
  const [before] = store.view.executions;
  const running = store.connection.execute('pay_service {"service":"news"}');
  await running.result;
  await expect.poll(() => store.view.executions.at(1)?.status).toBe("completed");

  expect(sessionStore(client, id)).toBe(store);
  expect(before).toMatchObject({ command: "check_balance {}", status: "completed" });
  expect(store.view.executions[0]).toBe(before);
  expect(store.view.executions[1]).toMatchObject({ executionId: running.id, costUsd: "2.00" });
  for (const stop of leave) stop();
  await expect.poll(() => store.view.connection.state).toBe("connecting");
  expect(store.view.events).toEqual([]);
});

test("a session that is refused says why", async () => {
  const server = await serverForTest();
  const store = sessionStore(await clientOf(server), "0c1f6f0e-27a4-4d3a-8b80-5d2c5d6a7e01");

  const leave = store.subscribe(() => undefined);
  await expect.poll(() => store.view.connection).toMatchObject({ state: "closed", error: { code: "not_found" } });
  leave();
});
