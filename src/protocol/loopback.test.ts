import { expect, test } from "vitest";
import { isLoopback } from "./loopback.ts";

test.each(["localhost", "127.0.0.1", "127.1.2.3", "127.255.255.255", "::1", "[::1]"])("%s is this machine", (host) => {
  expect(isLoopback(host)).toBe(true);
});

test.each([
  "",
  "0.0.0.0",
  "::",
  "128.0.0.1",
  "192.0.2.127",
  "[::2]",
  "[::1",
  "::ffff:127.0.0.1",
  "localhost.evil.com",
  "evil.localhost",
  "localhost.",
  "127.evil.com",
  "127.0.0.1.evil.com",
  "127.0.0.256",
  "127.0.0.01",
  "127.0.0",
  "127.1",
  "127.0.0.1\n",
  " 127.0.0.1",
])("%j is not known to be this machine", (host) => {
  expect(isLoopback(host)).toBe(false);
});

test.each(["http://127.1/", "http://0x7f000001/", "http://LOCALHOST:8000/", "http://[0:0:0:0:0:0:0:1]/"])(
  "the host of %s is this machine, as the URL spells it",
  (url) => {
    expect(isLoopback(new URL(url).hostname)).toBe(true);
  },
);
