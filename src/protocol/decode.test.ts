import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { decodeMessage, parseBody, refOf } from "./decode.ts";
import { PaygentError } from "./errors.ts";
import { parseJson } from "./json-text.ts";

const id = "0199aaaa-0000-7000-8000-000000000000";

function refusal(work: () => unknown): { code: string; message: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof PaygentError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: "accepted", message: "" };
}

const codeOf = (text: string) => refusal(() => decodeMessage(text)).code;
const execute = (data: string) => `{"type":"execute","data":${data}}`;

describe("decodeMessage", () => {
  test("a well-formed message comes out typed, with ids in lower case", () => {
    const text = `{"type":"cancel","data":{"execution_id":"${id.toUpperCase()}"},"id":"r1"}`;

    expect(decodeMessage(text)).toEqual({ type: "cancel", data: { execution_id: id }, id: "r1" });
  });

  test.each([
    ["empty text", ""],
    ["half an object", "{"],
    ["a BOM", '\uFEFF{"type":"ping","data":{}}'],
    ["depth 17", `{"type":"edit","data":{"edited_args":${"[".repeat(15)}${"]".repeat(15)}}}`],
    ["a million open brackets", "[".repeat(1_000_000)],
    ["duplicate keys", '{"type":"ping","data":{},"data":{}}'],
    ["duplicate keys of which one is escaped", '{"type":"ping","d\\u0061ta":{},"data":{}}'],
    ["a duplicate key deep inside", execute('{"command":"x","plan":[{"title":"a","title":"b"}]}')],
  ])("%s is invalid_json", (_case, text) => {
    expect(codeOf(text)).toBe("invalid_json");
  });

  test.each([
    ["an array", "[]"],
    ["a number", "1"],
    ["null", "null"],
    ["a string", '"ping"'],
    ["an empty object", "{}"],
    ["a type that is no text", '{"type":3,"data":{}}'],
    ["missing data", '{"type":"ping"}'],
    ["data that is null", '{"type":"ping","data":null}'],
    ["an extra field", '{"type":"ping","data":{},"user_id":"u"}'],
    ["an extra field in data", '{"type":"ping","data":{"x":1}}'],
    ["__proto__ in data", execute('{"command":"x","__proto__":{}}')],
    ["__proto__ written with an escape", execute('{"command":"x","\\u005f_proto__":{}}')],
    [
      "constructor deep inside",
      `{"type":"edit","data":{"request_id":"${id}","edited_args":{"a":[{"constructor":1}]}}}`,
    ],
    ["prototype in arguments", `{"type":"edit","data":{"request_id":"${id}","edited_args":{"prototype":1}}}`],
    ["an id that is no UUID", '{"type":"cancel","data":{"execution_id":"../1"}}'],
    ["an empty command", execute('{"command":""}')],
    ["a blank command", execute('{"command":" \\n"}')],
    ["a command of 4,001 characters", execute(`{"command":"${"x".repeat(4001)}"}`)],
    ["a lone surrogate", execute('{"command":"\\ud800"}')],
    ["two surrogates in the wrong order", execute('{"command":"\\udc00\\ud800"}')],
    ["a raw lone surrogate", execute('{"command":"\ud800"}')],
    ["a NUL", execute('{"command":"a\\u0000b"}')],
    ["a NUL in a key", `{"type":"edit","data":{"request_id":"${id}","edited_args":{"\\u0000":1}}}`],
    ["a number beyond doubles", `{"type":"edit","data":{"request_id":"${id}","edited_args":{"a":1e999}}}`],
    ["money as a number", execute('{"command":"x","budget_limit_usd":5}')],
    ["a reference that is no text", '{"type":"ping","data":{},"id":7}'],
    ["a reference of 129 characters", `{"type":"ping","data":{},"id":"${"r".repeat(129)}"}`],
  ])("%s is invalid_message", (_case, text) => {
    expect(codeOf(text)).toBe("invalid_message");
  });

  test("seven thousand keys are invalid_message", () => {
    const args = JSON.stringify(Object.fromEntries(Array.from({ length: 7000 }, (_, i) => [`k${i}`, i])));

    expect(codeOf(`{"type":"edit","data":{"request_id":"${id}","edited_args":${args}}}`)).toBe("invalid_message");
  });

  test.each(["toString", "__proto__", "approval_required", "", "\u202eping", "x".repeat(10_000)])(
    "the type %j is unknown and the error lists the known ones",
    (type) => {
      const { code, message } = refusal(() => decodeMessage(JSON.stringify({ type, data: {} })));

      expect(code).toBe("unknown_message_type");
      expect(message).toContain("execute, approve, reject, edit, cancel, ping");
      expect(message.length).toBeLessThan(200);
      expect(message).not.toContain("\u202e");
    },
  );

  test("depth 16 and text in any direction are accepted", () => {
    const args = `{"a":${"[".repeat(13)}${"]".repeat(13)}}`;

    expect(codeOf(`{"type":"edit","data":{"request_id":"${id}","edited_args":${args}}}`)).toBe("accepted");
    expect(codeOf(execute('{"command":"\u202e\u200b \\ud83d\\ude00 \\\\ \\" {[:"}'))).toBe("accepted");
  });

  test("the error names the field and never the value", () => {
    const secret = "s3cr3t-value";
    const { message } = refusal(() => decodeMessage(execute(`{"command":"x","if_busy":"${secret}"}`)));

    expect(message).toContain("data.if_busy");
    expect(message).not.toContain(secret);
    expect(refusal(() => decodeMessage(`{"${secret}`)).message).not.toContain(secret);
  });

  test("the error stays short whatever the client names its fields", () => {
    const data = JSON.stringify({
      command: "x",
      ...Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, 1])),
    });

    expect(refusal(() => decodeMessage(execute(data))).message.length).toBeLessThanOrEqual(300);
  });

  test("any text is accepted or refused with one of three codes", () => {
    const piece = fc.constantFrom(
      '{"type":"',
      "ping",
      '","data":{',
      "}",
      '"',
      "\\",
      "[",
      "]",
      ":",
      ",",
      "\\u0000",
      "1e9",
    );

    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join("")),
          fc.json(),
        ),
        (text) => {
          expect(["accepted", "invalid_json", "invalid_message", "unknown_message_type"]).toContain(codeOf(text));
        },
      ),
      { numRuns: 3000 },
    );
  });
});

/** A JSON document as a tree, so that duplicate keys can be written and counted without any parser. */
type Tree = { kind: "leaf"; value: string | number | boolean | null } | Branch;
type Branch = { kind: "list"; items: Tree[] } | { kind: "object"; entries: [string, Tree][] };

const key = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: "binary", maxLength: 6 }) },
  { weight: 4, arbitrary: fc.constantFrom("a", "b", "c", 'q"', "back\\", "{", ":") },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "prototype") },
);
const leaf = fc.record({
  kind: fc.constant("leaf" as const),
  value: fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\0", "\ud800", "plain", '"', "\\", "a\\\\", "{[:,]}"),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  ),
});
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 20, depthSize: "large" },
    leaf,
    fc.record({ kind: fc.constant("list" as const), items: fc.array(tie("tree"), { maxLength: 3 }) }),
    fc.record({
      kind: fc.constant("object" as const),
      entries: fc.array(fc.tuple(key, tie("tree")), { maxLength: 4 }),
    }),
  ),
}));

function write(node: Tree, space: string): string {
  if (node.kind === "leaf") return JSON.stringify(node.value);
  if (node.kind === "list")
    return `[${space}${node.items.map((item) => write(item, space)).join(`${space},`)}${space}]`;
  const entries = node.entries.map(([name, child]) => `${JSON.stringify(name)}${space}:${space}${write(child, space)}`);
  return `{${space}${entries.join(`,${space}`)}}`;
}

function judge(root: Tree): "accepted" | "invalid_json" | "invalid_message" {
  let isJson = true;
  let isMessage = true;
  const poison = ["__proto__", "constructor", "prototype"];
  const look = (text: string) => {
    if (!text.isWellFormed() || text.includes("\0")) isMessage = false;
  };
  const walk = (node: Tree, depth: number): void => {
    if (node.kind === "leaf") {
      if (typeof node.value === "string") look(node.value);
      return;
    }
    if (depth > 16) isJson = false;
    if (node.kind === "list") for (const item of node.items) walk(item, depth + 1);
    else {
      const names = node.entries.map(([name]) => name);
      if (new Set(names).size < names.length) isJson = false;
      if (names.some((name) => poison.includes(name))) isMessage = false;
      for (const [name, child] of node.entries) {
        look(name);
        walk(child, depth + 1);
      }
    }
  };
  walk(root, 1);
  return !isJson ? "invalid_json" : isMessage ? "accepted" : "invalid_message";
}

describe("parseJson", () => {
  test("the scan of the text agrees with a walk over the tree", () => {
    fc.assert(
      fc.property(tree, fc.constantFrom("", " ", "\n\t "), (root, space) => {
        expect(refusal(() => parseJson(write(root, space))).code).toBe(judge(root));
      }),
      { numRuns: 3000 },
    );
  });

  test("deep nesting is refused at any depth that JSON.parse accepts", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (depth) => {
        const { code } = refusal(() => parseJson("[".repeat(depth) + "]".repeat(depth)));
        expect(code).toBe(depth <= 16 ? "accepted" : "invalid_json");
      }),
    );
  });
});

describe("refOf", () => {
  test("the id of a message that is wrong otherwise is found", () => {
    expect(refOf('{"type":"nonsense","data":7,"id":"r9"}')).toBe("r9");
  });

  test.each(["{", "null", '{"id":7}', `{"id":"${"x".repeat(129)}"}`, '{"id":"\\ud800"}', "[]"])(
    "there is none in %s",
    (text) => {
      expect(refOf(text)).toBeUndefined();
    },
  );
});

describe("parseBody", () => {
  test("the error names the path of the field", () => {
    const schema = z.strictObject({ plan: z.array(z.object({ title: z.string() })) });

    expect(refusal(() => parseBody(schema, { plan: [{ title: "a" }, { title: 2 }] }))).toMatchObject({
      code: "invalid_message",
      message: expect.stringContaining('"plan.1.title"'),
    });
  });
});
