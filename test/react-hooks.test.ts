import { createElement, type FunctionComponent } from "react";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import { createClient } from "../src/client/index.ts";
import { freezesStore } from "../src/react/freezes-store.ts";
import {
  foldEvents,
  PaygentProvider,
  useApprovals,
  useExecution,
  useFreezes,
  usePaygent,
  useSession,
} from "../src/react/index.ts";
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

const refreshMs = 60_000;

function FreezeCount() {
  return createElement("p", undefined, useFreezes({ refreshMs }).freezes.length);
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
  expect(drawn(() => `${useFreezes().isLoading} ${useFreezes().freezes.length}`)).toBe("true 0");
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

test("a session's view tells what freezes it, as it happens and after the history was read anew", async () => {
  const server = await serverForTest({ model: callingModel() });
  const { id } = await server.createSession();
  const client = await clientOf(server);
  const store = sessionStore(client, id);
  const leave = store.subscribe(() => undefined);
  const scopes = () => store.view.frozen.map(({ scope }) => scope);
  await expect.poll(() => store.view.isCaughtUp).toBe(true);

  await client.freezes.put({ scope: "session", session_id: id, reason: "odd prices" });
  await client.freezes.put({ scope: "user" });
  await expect.poll(scopes).toEqual(["session", "user"]);
  expect(store.view.frozen).toMatchObject([
    { scope: "session", session_id: id, by: "alice", reason: "odd prices" },
    { scope: "user", user_id: "alice", by: "alice" },
  ]);
  await client.freezes.lift({ scope: "session", session_id: id });
  await expect.poll(scopes).toEqual(["user"]);
  leave();
});

test("a freeze that was lifted while nothing was under way does not come back with the history", async () => {
  const server = await serverForTest({ model: callingModel() });
  const { id } = await server.createSession();
  const client = await clientOf(server);
  const watcher = await server.connect(id);
  const execution = execute(watcher, 'pay_service {"service":"premium-report","max_amount":"25"}');
  await watcher.first("approval_required", execution);
  await client.freezes.put({ scope: "user" });
  await client.executions.cancel(execution);
  await watcher.end(execution);
  await client.freezes.lift({ scope: "user" });

  const store = sessionStore(client, id);
  const leave = store.subscribe(() => undefined);
  await expect.poll(() => store.view.isCaughtUp).toBe(true);

  expect(store.view.events.map(({ type }) => type)).toContain("freeze");
  expect(store.view.frozen).toEqual([]);
  expect(foldEvents(store.view.events).frozen).toMatchObject([{ scope: "user" }]);
  leave();
});

test("all who show the freezes share one poll and what it found", async () => {
  const server = await serverForTest();
  const token = await server.token();
  await (await clientOf(server)).freezes.put({ scope: "user" });
  let requests = 0;
  const countedToken = () => {
    requests += 1;
    return token;
  };
  const client = createClient({ url: server.url, token: countedToken });

  const leave = [0, 1].map(() => freezesStore(client, refreshMs).subscribe(() => undefined));
  await expect.poll(() => freezesStore(client, refreshMs).polled().isLoading).toBe(false);
  const page = renderToString(
    createElement(PaygentProvider, { client }, createElement(FreezeCount), createElement(FreezeCount)),
  );

  expect(page).toBe("<p>1</p><p>1</p>");
  expect(requests).toBe(1);
  for (const stop of leave) stop();
});
