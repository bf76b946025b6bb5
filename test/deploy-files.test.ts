import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readSettings } from "../src/server/settings.ts";

const manifest = readFileSync("deploy/kubernetes.yaml", "utf8");
const compose = readFileSync("deploy/compose.yaml", "utf8");

test("Kubernetes does not kill a server that still waits for what it needs to start", () => {
  const [, periodSeconds, failures] =
    /startupProbe:.*periodSeconds: (\d+), failureThreshold: (\d+)/.exec(manifest) ?? [];
  const { startTimeoutMs } = readSettings({}, {});
  const migrationMs = 150_000;

  // PostgreSQL and NATS each have the start's time.
  expect(1000 * Number(periodSeconds) * Number(failures)).toBeGreaterThan(2 * startTimeoutMs + migrationMs);
});

test.each([
  [".gitignore", ""],
  // Its patterns begin at the root.
  [".dockerignore", "**/"],
])("the secrets that compose.yaml asks for are left out by %s", (file, anywhere) => {
  const patterns = readFileSync(file, "utf8").split("\n");

  expect(patterns).toEqual(expect.arrayContaining([`${anywhere}.env`, `${anywhere}keystore.json`]));
});

test.each(["x-paygent", "proxy", "postgres", "nats"])("%s of compose.yaml is started again when it ends", (name) => {
  const block = new RegExp(`^( *)${name}:.*\\n(\\1 +.*\\n)+`, "m").exec(compose)?.[0];

  expect(block).toContain(" restart: unless-stopped\n");
});

test.each([
  ["compose.yaml", compose, (name: string) => `${name}: "0"`],
  ["kubernetes.yaml", manifest, (name: string) => `{ name: ${name}, value: "0" }`],
])("the servers of %s leave limits of addresses to what stands before them", (_file, text, zero) => {
  expect(text).toContain(zero("PAYGENT_SOCKETS_PER_ADDRESS"));
  expect(text).toContain(zero("PAYGENT_REQUESTS_PER_ADDRESS"));
});
