import { expect, test } from "vitest";
import { readLogPage } from "./log-page.ts";

const session_id = "f3b3f4a8-6f4a-4f43-9f3b-0d2f6a6f2f11";
const hash = "ab".repeat(32);

/** An entry as the server writes it: not as `JSON.stringify` would write it again. */
function entry(seq: number, more: string): string {
  return `{"type":"tool_result","data":{"session_id":"${session_id}",${more}},"timestamp":"t","seq":${seq}`;
}

test("a page gives each event's text as it was sent, whatever stands in it", () => {
  const texts = [
    entry(1, '"result":"a \\u0041 \\" }] \\\\"'),
    entry(2, '"result":{"2":1.0,"1":[[],{"b":[{}]}],"hash":"x"}'),
    entry(3, '"text":"\u2028,\\"hash\\":\\"no\\"}"'),
  ];
  const page = `{"data":[${texts.map((text) => `${text},"hash":"${hash}"}`).join(",")}],"next_cursor":"3"}`;

  expect(readLogPage(page)).toEqual({
    data: texts.map((text, index) => ({ seq: index + 1, sessionId: session_id, text: `${text}}`, hash })),
    next_cursor: "3",
  });
});

test("an empty page is one, and what is no page is refused in words", () => {
  expect(readLogPage('{"data":[],"next_cursor":null}')).toEqual({ data: [], next_cursor: null });
  for (const text of ["", "<html>", '{"data":[', '{"data":[{"seq":1}],"next_cursor":null}', '{"data":[{}]']) {
    expect(() => readLogPage(text)).toThrow("no page of a log");
  }
});
