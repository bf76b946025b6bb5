import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readSettings } from "../src/server/settings.ts";

const manifest = readFileSync("deploy/kubernetes.yaml", "utf8");

test("Kubernetes does not kill a server that still waits for what it needs to start", () => {
  const [, periodSeconds, failures] =
    /startupProbe:.*periodSeconds: (\d+), failureThreshold: (\d+)/.exec(manifest) ?? [];
  const { startTimeoutMs } = readSettings({}, {});
  const migrationMs = 150_000;

  // PostgreSQL and NATS each have the start's time.
  expect(1000 * Number(periodSeconds) * Number(failures)).toBeGreaterThan(2 * startTimeoutMs + migrationMs);
});
