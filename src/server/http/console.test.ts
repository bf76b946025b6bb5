import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serveConsole } from "./console.ts";

let folder: string;
let app: FastifyInstance;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paygent-console-"));
  app = Fastify();
  serveConsole(app, join(folder, "console"));
});

afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

function build(): void {
  mkdirSync(join(folder, "console/assets"), { recursive: true });
  writeFileSync(join(folder, "console/index.html"), "<title>Console</title>");
  writeFileSync(join(folder, "console/assets/index-AbC_12.js"), "run()");
  writeFileSync(join(folder, "console/assets/notes.txt"), "not served");
  writeFileSync(join(folder, "secret.js"), "secret");
}

test("without a built console the page says how to build it", async () => {
  const { statusCode, body } = await app.inject("/");

  expect(statusCode).toBe(200);
  expect(body).toContain("npm run build");
});

test("the page may load and run only what this server has, and is framed by nobody", async () => {
  build();
  const { headers, body } = await app.inject("/");

  expect(body).toBe("<title>Console</title>");
  expect(headers["content-type"]).toBe("text/html; charset=utf-8");
  const policy = String(headers["content-security-policy"]).split("; ");
  expect(policy).toEqual([
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]);
});

test("what has its content's hash in its name is kept for good", async () => {
  build();
  const { headers, body } = await app.inject("/assets/index-AbC_12.js");

  expect(body).toBe("run()");
  expect(headers).toMatchObject({
    "content-type": "text/javascript; charset=utf-8",
    "cache-control": "public, max-age=31536000, immutable",
  });
});

test.each(["none.js", "notes.txt", "..%2F..%2Fsecret.js", "..%2findex.html", "%00.js"])(
  "no other file is served: %s",
  async (name) => {
    build();
    const { statusCode, body } = await app.inject(`/assets/${name}`);

    expect(statusCode).toBe(404);
    expect(JSON.parse(body)).toMatchObject({ status: 404 });
  },
);
