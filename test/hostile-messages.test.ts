import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";

let server: TestServer;
let sessionId: string;

beforeAll(async () => {
  server = await startTestServer();
  ({ id: sessionId } = await server.createSession());
});

afterAll(() => server.remove());

const command = (text: string) => JSON.stringify({ type: "execute", data: { command: text } });
const nested = (depth: number) => `{"type":"ping","data":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
const manyKeys = `{"type":"edit","data":{"request_id":"${randomUUID()}","edited_args":{${Array.from(
  { length: 7000 },
  (_, i) => `"${i.toString(36)}":0`,
).join()}}}}`;

const refused = {
  invalid_json: {
    "an empty text": "",
    "an open brace": "{",
    "a BOM": '\uFEFF{"type":"ping","data":{}}',
    "a depth of 17": nested(16),
    "a depth of 5,000": nested(5000),
    "a key twice": '{"type":"ping","type":"ping","data":{}}',
    "a key twice by an escape": '{"type":"ping","data":{},"d\\u0061ta":{}}',
    "two messages in one": '{"type":"ping","data":{}}{"type":"ping","data":{}}',
    "single quotes": "{'type':'ping'}",
    "a comment": '{"type":"ping","data":{}/**/}',
    NaN: '{"type":"ping","data":{"a":NaN}}',
    "no JSON at all": "GET / HTTP/1.1",
  },
  invalid_message: {
    "a list": "[]",
    "a number": "1",
    null: "null",
    "a string": '"ping"',
    "no type": '{"data":{}}',
    "a type that is no text": '{"type":1,"data":{}}',
    "no data": '{"type":"ping"}',
    "data null": '{"type":"ping","data":null}',
    "data a list": '{"type":"ping","data":[]}',
    "an extra field": '{"type":"ping","data":{},"user_id":"bob"}',
    "an extra field of the data": '{"type":"ping","data":{"user_id":"bob"}}',
    __proto__: '{"type":"ping","data":{},"__proto__":{"id":"x"}}',
    "__proto__ deep inside": '{"type":"execute","data":{"command":"x","plan":[{"title":"t","__proto__":{}}]}}',
    "__proto__ by an escape": '{"type":"ping","data":{"\\u005f_proto__":{}}}',
    constructor: '{"type":"ping","data":{"constructor":{}}}',
    "7,000 keys": manyKeys,
    "an id that is no text": '{"type":"ping","data":{},"id":1}',
    "an id of 129 characters": `{"type":"ping","data":{},"id":"${"i".repeat(129)}"}`,
    "a request id that is no UUID": '{"type":"approve","data":{"request_id":"1"}}',
    "an execution id that is no UUID": '{"type":"cancel","data":{"execution_id":"../1"}}',
    "no command": '{"type":"execute","data":{}}',
    "an empty command": command(""),
    "a blank command": command(" \n "),
    "a command of 4,001 characters": command("x".repeat(4001)),
    "a lone surrogate": '{"type":"execute","data":{"command":"\\ud800"}}',
    "a NUL": '{"type":"execute","data":{"command":"a\\u0000b"}}',
    "a number beyond all": '{"type":"execute","data":{"command":"x","budget_limit_usd":1e999}}',
    "money as a number": '{"type":"execute","data":{"command":"x","budget_limit_usd":1}}',
    "money below zero": '{"type":"execute","data":{"command":"x","budget_limit_usd":"-1"}}',
    "money in hexadecimal": '{"type":"execute","data":{"command":"x","budget_limit_usd":"0x10"}}',
    "a plan of 51 steps": JSON.stringify({
      type: "execute",
      data: { command: "x", plan: Array.from({ length: 51 }, () => ({ title: "t" })) },
    }),
  },
  unknown_message_type: {
    "an unknown type": '{"type":"pay","data":{}}',
    "a server's type": '{"type":"approved","data":{}}',
    toString: '{"type":"toString","data":{}}',
    "an empty type": '{"type":"","data":{}}',
    "a type in capitals": '{"type":"PING","data":{}}',
    "a type with a space": '{"type":"ping ","data":{}}',
  },
} as const;

const cases = Object.entries(refused).flatMap(([code, texts]) =>
  Object.entries(texts).map(([kind, text]) => [kind, code, text] as const),
);

async function expectAlive(client: TestClient): Promise<void> {
  const id = randomUUID();
  client.send({ type: "ping", data: {}, id });
  expect(await client.answerTo(id)).toMatchObject({ type: "pong", data: { session_id: sessionId } });
}

describe("a message that is not proper is answered with a code, and its socket goes on", () => {
  test.each(cases)("%s is %s", async (_kind, code, text) => {
    const client = await server.connect(sessionId);
    for (let round = 0; round < 3; round++) client.send(text);

    await expectAlive(client);

    const answers = client.events.filter(({ type }) => type === "error");
    expect(answers.map(({ data, seq }) => ({ code: "code" in data && data.code, seq }))).toEqual(
      Array.from({ length: 3 }, () => ({ code, seq: undefined })),
    );
    await client.close();
  });

  test("the answer names the message by its id, and never repeats a value", async () => {
    const client = await server.connect(sessionId);

    client.send({ type: "approve", data: { request_id: "sk-secret-value" }, id: "mine" });

    const answer = await client.answerTo("mine");
    expect(answer).toMatchObject({ type: "error", data: { code: "invalid_message" } });
    expect(JSON.stringify(answer)).not.toContain("sk-secret-value");
    await client.close();
  });

  test("nothing that was refused left a trace in the log", async () => {
    const { body } = await server.http("GET", `/sessions/${sessionId}`);

    expect(body.last_seq).toBe(0);
  });
});

describe("text that could be taken for something else is stored as it is", () => {
  test.each([
    "'; drop table events; --",
    "<script>alert(1)</script>",
    "\r\nHTTP/1.1 200 OK\r\n\r\n",
    "\u001b[2J\u001b[31mred",
    "\u202Egnp.exe\u200B\u2066",
    "{{7*7}} %s %n #{exit}",
    "👩‍👩‍👧‍👦 é ﷽",
  ])("%j", async (text) => {
    const { id } = await server.createSession();
    const client = await server.connect(id);

    const execution = execute(client, text);

    expect(await client.first("execution_started", execution)).toMatchObject({ data: { command: text } });
    await client.end(execution);
    expect((await server.http("GET", `/executions/${execution}`)).body.command).toBe(text);
    await client.close();
  });
});
