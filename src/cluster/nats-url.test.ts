import { expect, test } from "vitest";
import { readNatsUrl } from "./nats-url.ts";

test.each([
  ["nats://one:4222", { servers: "one:4222" }],
  ["nats://one", { servers: "one" }],
  ["nats://[::1]:4222", { servers: "[::1]:4222" }],
  ["nats://bob:p%40ss%2F%23@one:4222", { servers: "one:4222", user: "bob", pass: "p@ss/#" }],
  ["nats://s3cr%25t@one:4222", { servers: "one:4222", token: "s3cr%t" }],
  ["tls://one:4222", { servers: "one:4222", tls: {} }],
  ["tls://bob:pass@one:4222", { servers: "one:4222", user: "bob", pass: "pass", tls: {} }],
])("%s says where the server is, who asks and whether TLS must be spoken", (text, options) => {
  expect(readNatsUrl(text)).toEqual(options);
});

test.each([
  "nats://",
  "nats://bob:s3#cret@one:4222",
  "nats://bob:s3%cret@one:4222",
  "nats://bob:s3cret@one:4222,nats://bob:s3cret@two:4222",
  "nats://bob:s3cret@one,two",
])("%s is refused with a sentence that shows nothing of it", (text) => {
  expect(() => readNatsUrl(text)).toThrow(
    /^NATS_URL must be the address of one server, such as nats:\/\/user:password@host:4222\. Write [\w %,-]+ as %23 for #\.$/,
  );
});
