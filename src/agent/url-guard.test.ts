import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PaygentError } from "../protocol/errors.ts";
import { createUrlGuard, isPublicAddress } from "./url-guard.ts";
import { guardedWeb } from "./web.ts";

let server: Server;
let port: number;
let connections = 0;

beforeAll(async () => {
  server = createServer((_request, response) => response.end("reached"));
  server.on("connection", () => {
    connections += 1;
  });
  // Unspecified, so that every address of this machine reaches it.
  await new Promise<void>((resolve) => server.listen(0, resolve));
  // A listening TCP server has an address with a port.
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});

async function codeOf(url: string, guard = createUrlGuard()): Promise<string> {
  return guardedWeb(guard)
    .ask({ url, method: "GET" }, new AbortController().signal, () => undefined)
    .then(
      () => "reached",
      (error: unknown) => (error instanceof PaygentError ? error.code : String(error)),
    );
}

const forms = [
  "http://127.0.0.1:PORT/",
  "http://127.1:PORT/",
  "http://127.0.1:PORT/",
  "http://0x7f.1:PORT/",
  "http://0x7f.0x0.0x0.0x1:PORT/",
  "http://0x7f000001:PORT/",
  "http://2130706433:PORT/",
  "http://017700000001:PORT/",
  "http://0177.0.0.1:PORT/",
  "http://0177.0.0.01:PORT/",
  "http://127.0.0.1.:PORT/",
  "http://127.255.255.254:PORT/",
  "http://①②⑦.⓪.⓪.①:PORT/",
  "http://１２７.０.０.１:PORT/",
  "http://127。0。0。1:PORT/",
  "http://127%2e0%2e0%2e1:PORT/",
  "http://%31%32%37.0.0.1:PORT/",
  "http://a@127.0.0.1:PORT/",
  "http://example.com@127.0.0.1:PORT/",
  "http://user:pass@example.com:PORT/",
  "http:\\\\127.0.0.1:PORT\\",
  "http:/127.0.0.1:PORT/",
  "http:127.0.0.1:PORT/",
  "http:///127.0.0.1:PORT/",
  "HTTP://127.0.0.1:PORT/",
  "ht\ttp://127.0.0.1:PORT/",
  "http://127.0.\n0.1:PORT/",
  "  http://127.0.0.1:PORT/  ",
  "http://127.0.0.1:PORT#@example.com/",
  "http://127.0.0.1:PORT\\@example.com/",
  "http://0:PORT/",
  "http://0.0.0.0:PORT/",
  "http://0.1.2.3:PORT/",
  "http://[::]:PORT/",
  "http://[::1]:PORT/",
  "http://[0:0:0:0:0:0:0:1]:PORT/",
  "http://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/",
  "http://[::ffff:127.0.0.1]:PORT/",
  "http://[::ffff:7f00:1]:PORT/",
  "http://[::ffff:0:7f00:1]:PORT/",
  "http://[::127.0.0.1]:PORT/",
  "http://[::7f00:1]:PORT/",
  "http://[64:ff9b::7f00:1]:PORT/",
  "http://[64:ff9b::127.0.0.1]:PORT/",
  "http://[64:ff9b:1::7f00:1]:PORT/",
  "http://[2002:7f00:1::]:PORT/",
  "http://[2001:0:7f00:1::]:PORT/",
  "http://[fe80::1]:PORT/",
  "http://[fe80::1%25lo]:PORT/",
  "http://[fec0::1]:PORT/",
  "http://[fc00::1]:PORT/",
  "http://[fd00:ec2::254]:PORT/",
  "http://[ff02::1]:PORT/",
  "http://[2001:db8::1]:PORT/",
  "http://localhost:PORT/",
  "http://LOCALHOST:PORT/",
  "http://localhost.:PORT/",
  "http://ｌｏｃａｌｈｏｓｔ:PORT/",
  "http://a.localhost:PORT/",
  "http://169.254.169.254:PORT/latest/meta-data/",
  "http://0xa9fea9fe:PORT/",
  "http://[::ffff:a9fe:a9fe]:PORT/",
  "http://10.0.0.1:PORT/",
  "http://172.16.0.1:PORT/",
  "http://192.168.0.1:PORT/",
  "http://100.64.0.1:PORT/",
  "http://192.0.0.1:PORT/",
  "http://198.18.0.1:PORT/",
  "http://224.0.0.1:PORT/",
  "http://240.0.0.1:PORT/",
  "http://255.255.255.255:PORT/",
  "https://127.0.0.1:PORT/",
  "file:///etc/passwd",
  "gopher://127.0.0.1:PORT/_GET",
  "ftp://127.0.0.1:PORT/",
  "ws://127.0.0.1:PORT/",
  "data:text/plain,hello",
  "javascript:alert(1)",
  "unix:/var/run/docker.sock",
  "//127.0.0.1:PORT/",
  "127.0.0.1:PORT",
  "http://",
  "http://[::1",
  "http://127.0.0.1:99999/",
  "nonsense",
];

test("no form of a private URL makes a connection", async () => {
  expect(forms.length).toBeGreaterThanOrEqual(60);
  for (const form of forms) {
    const url = form.replace("PORT", String(port));

    expect([form, await codeOf(url)]).toEqual([form, "url_blocked"]);
  }
  expect(connections).toBe(0);
});

test.each([
  [["127.0.0.1"]],
  [["93.184.215.14", "127.0.0.1"]],
  [["::ffff:127.0.0.1"]],
  [["::1"]],
  [["169.254.169.254"]],
])("a public name with the addresses %j makes no connection", async (addresses) => {
  const resolve = async () => addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

  expect(await codeOf(`http://public.example:${port}/`, createUrlGuard({ resolve }))).toBe("url_blocked");
  expect(connections).toBe(0);
});

test("a name that changes its address is checked again at every connection", async () => {
  let asked = 0;
  const resolve = async () => {
    asked += 1;
    return [{ address: "127.0.0.1", family: 4 }];
  };
  const guard = createUrlGuard({ resolve });
  const url = `http://rebinding.example:${port}/`;

  expect(guard.allowUrl(url).hostname).toBe("rebinding.example");
  expect(await codeOf(url, guard)).toBe("url_blocked");
  expect(asked).toBe(1);
  expect(connections).toBe(0);
});

test("a name that is public at one look and private at the next is reached at neither: each connection looks once", async () => {
  // An address of the global range that nobody has, and then ours.
  const answers = [
    { address: "2000::1", family: 6 },
    { address: "127.0.0.1", family: 4 },
  ];
  let asked = 0;
  const resolve = async () => {
    const answer = answers[asked % 2];
    asked += 1;
    return answer === undefined ? [] : [answer];
  };
  const guard = createUrlGuard({ resolve });
  const url = `http://rebinding.example:${port}/`;

  const codes = [await codeOf(url, guard), await codeOf(url, guard)];

  expect(codes).toEqual([expect.stringMatching(/tool_failed|timeout/), "url_blocked"]);
  expect(asked).toBe(2);
  expect(connections).toBe(0);
}, 30_000);

test("the agent itself refuses a literal address that was never checked", async () => {
  const agent = createUrlGuard().openAgent();

  await expect(agent.request({ origin: `http://127.0.0.1:${port}`, path: "/", method: "GET" })).rejects.toMatchObject({
    code: "url_blocked",
  });
  await agent.destroy();

  expect(connections).toBe(0);
});

test("this machine's own addresses are not public", () => {
  expect(isPublicAddress("127.0.0.1")).toBe(false);
  expect(isPublicAddress("93.184.215.14")).toBe(true);
  expect(isPublicAddress("2606:4700::1111")).toBe(true);
});

test("an allowed host is reached at its port and at no other", async () => {
  const guard = createUrlGuard({ allowedHosts: [`127.0.0.1:${port}`, `[::1]:${port}`, `localhost:${port}`] });

  expect(await codeOf(`http://127.0.0.1:${port}/`, guard)).toBe("reached");
  expect(await codeOf(`http://localhost:${port}/`, guard)).toBe("reached");
  expect(guard.allowUrl(`http://[::1]:${port}/`).port).toBe(String(port));
  expect(await codeOf(`http://127.0.0.1:${port + 1}/`, guard)).toBe("url_blocked");
  expect(await codeOf("http://localhost/", guard)).toBe("url_blocked");
});
