import { expect, test } from "vitest";
import { PaygentError } from "../protocol/errors.ts";
import { credentialOf } from "./credential.ts";

const read = (rawHeaders: string[], search = "") => credentialOf(rawHeaders, new URLSearchParams(search));

test("the header wins over the subprotocol, and that over the query", () => {
  const protocol = ["Sec-WebSocket-Protocol", "paygent.v1, paygent.bearer.b.b.b"];

  expect(read(["Authorization", "Bearer a.a.a", ...protocol], "token=c")).toEqual({ source: "header", token: "a.a.a" });
  expect(read(protocol, "token=c")).toEqual({ source: "subprotocol", token: "b.b.b" });
  expect(read([], "token=c")).toEqual({ source: "query", token: "c" });
});

test("there is none where none was given", () => {
  expect(
    read(["Host", "x", "Sec-WebSocket-Protocol", "paygent.v1", "X-User-Id", "alice"], "session_id=1"),
  ).toBeUndefined();
});

test("a subprotocol may stand in a header line of its own", () => {
  expect(read(["sec-websocket-protocol", "paygent.v1", "sec-websocket-protocol", "paygent.bearer.t"])?.token).toBe("t");
});

test.each([
  ["an empty header", ["Authorization", ""], "token=c"],
  ["a header without a token", ["Authorization", "Bearer "], "token=c"],
  ["another scheme", ["Authorization", "Basic YTpi"], "token=c"],
  ["a header with two tokens", ["Authorization", "Bearer a b"], "token=c"],
  ["a header with a comma", ["Authorization", "Bearer a,Bearer b"], "token=c"],
  ["two headers", ["Authorization", "Bearer a", "authorization", "Bearer a"], "token=c"],
  ["an empty subprotocol", ["Sec-WebSocket-Protocol", "paygent.v1, paygent.bearer."], "token=c"],
  ["two subprotocols", ["Sec-WebSocket-Protocol", "paygent.bearer.a, paygent.bearer.a"], "token=c"],
  ["an empty query", [], "token="],
  ["a doubled query", [], "token=a&token=a"],
  ["a query with a NUL", [], "token=a%00"],
])("%s is unauthenticated and nothing else is tried", (_case, headers, search) => {
  expect(() => read(headers, search)).toThrow(expect.objectContaining({ code: "unauthenticated" }));
  expect(() => read(headers, search)).toThrow(PaygentError);
});
