import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { createUrlGuard } from "./url-guard.ts";
import { guardedWeb } from "./web.ts";

const patience = new AbortController().signal;
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A listening TCP server has an address with a port.
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function webOf(host: string) {
  return guardedWeb(createUrlGuard({ allowedHosts: [host] }));
}

async function ask(host: string, path: string, signal = patience) {
  return webOf(host).ask({ url: `http://${host}${path}`, method: "GET" }, signal, () => undefined);
}

test("a page is asked for its status, type and body", async () => {
  const host = await serve((_request, response) => {
    response.writeHead(404, { "content-type": "text/plain" }).end("gone");
  });

  const page = await ask(host, "/a?b=c");

  expect(page).toEqual({
    url: `http://${host}/a?b=c`,
    response: { status: 404, contentType: "text/plain", body: "gone" },
    paymentRequired: undefined,
  });
});

test("a body is read up to 256 KiB, and what is no text is left out", async () => {
  const host = await serve((request, response) => {
    if (request.url === "/image") response.writeHead(200, { "content-type": "image/png" }).end("binary");
    else response.writeHead(200, { "content-type": "text/plain" }).end("x".repeat(1_000_000));
  });

  const long = await ask(host, "/");

  expect(long.response).toMatchObject({ body: "x".repeat(256 * 1024), truncated: true });
  expect((await ask(host, "/image")).response).toMatchObject({ body: "" });
});

test("redirects are followed to allowed hosts, and at most five of them", async () => {
  const host = await serve((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end("moved");
    else response.writeHead(200, { "content-type": "text/plain" }).end("here");
  });

  expect(await ask(host, "/5")).toMatchObject({ url: `http://${host}/0`, response: { body: "here" } });
  await expect(ask(host, "/6")).rejects.toMatchObject({ code: "tool_failed" });
});

test.each(["http://TARGET/", "//TARGET/", "http://[::ffff:7f00:1]:1/", "file:///etc/passwd", "http://"])(
  "a redirect to %s is blocked and reaches nothing",
  async (location) => {
    let reached = 0;
    const target = await serve((_request, response) => {
      reached += 1;
      response.end();
    });
    const host = await serve((_request, response) => {
      response.writeHead(307, { location: location.replace("TARGET", target) }).end();
    });

    await expect(ask(host, "/")).rejects.toMatchObject({ code: "url_blocked" });
    expect(reached).toBe(0);
  },
);

test("neither a body nor a payment is carried on by a redirect", async () => {
  const asked: string[] = [];
  const host = await serve((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(307, { location: "/elsewhere" }).end();
  });
  const url = `http://${host}/here`;

  const posted = await webOf(host).ask({ url, method: "POST", body: "{}" }, patience, () => undefined);
  const paid = await webOf(host).pay({ url, method: "GET" }, "signed", patience);

  expect([posted.response.status, paid.status]).toEqual([307, 307]);
  expect(asked).toEqual(["POST /here", "GET /here"]);
});

test("a payment goes with the method and the body of the request that was priced", async () => {
  const seen: unknown[] = [];
  const describe = async (request: IncomingMessage) => ({
    method: request.method,
    payment: request.headers["payment-signature"],
    type: request.headers["content-type"],
    body: await text(request),
  });
  const host = await serve(async (request, response) => {
    seen.push(await describe(request));
    response.end("done");
  });
  const request = { url: `http://${host}/orders`, method: "POST", body: '{"count":1}' };

  await webOf(host).ask(request, patience, () => undefined);
  await webOf(host).pay(request, "signed", patience);

  const sent = { method: "POST", type: "application/json", body: '{"count":1}' };
  expect(seen).toEqual([
    { ...sent, payment: undefined },
    { ...sent, payment: "signed" },
  ]);
});

test("a request ends with the reason of its signal", async () => {
  const controller = new AbortController();
  const reason = new Error("cancelled");
  const host = await serve(() => controller.abort(reason));

  await expect(ask(host, "/", controller.signal)).rejects.toBe(reason);
});
