import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";

const program = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const Line = z.looseObject({ demo: z.string().optional(), type: z.string().optional() });

test("the demo kills a server in the middle of a payment, and shows that it was paid once", async () => {
  const child = spawn(process.execPath, [program, "demo", "--crash", "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });

  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);

  const lines = output
    .trim()
    .split("\n")
    .map((line) => Line.parse(JSON.parse(line)));
  const step = (name: string) => lines.find(({ demo }) => demo === name);
  expect(code).toBe(0);
  expect(step("verdict")).toMatchObject({
    paid_once: true,
    evidence: {
      chain: { transfers: 1, sent: "25.00" },
      ledger: { payments: 1, settled: "25.00", reserved: "0.00" },
      log: { told: "25.00", is_intact: true },
      open_executions: 0,
    },
  });
  expect(step("killed")).toMatchObject({ chain: { sent: "25.00" } });
  expect(step("restarted")?.pid).not.toBe(step("started")?.pid);
  expect(lines.filter(({ type }) => type === "complete")).toHaveLength(1);
  expect(existsSync(String(step("started")?.data_dir))).toBe(false);
}, 90_000);
