import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./measure.ts";

const fileSystems = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x794c7630, "overlay"],
  [0x2fc12fc1, "zfs"],
]);
const memoryFileSystems = new Set([0x01021994, 0x858458f6]);

/** What the figures were measured on. Throws where data would lie in memory: durability would cost nothing. */
export function describeEnvironment(): string {
  const { type } = statfsSync(tmpdir());
  if (memoryFileSystems.has(type)) {
    throw new Error(`${tmpdir()} is in memory, where fsync costs nothing. Set TMPDIR to a folder on a disk.`);
  }
  const disk = fileSystems.get(type) ?? `file system 0x${type.toString(16)}`;
  const [load = 0] = loadavg();
  return [
    `Node ${process.versions.node}, ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), load ${load.toFixed(1)} before the run.`,
    `Data on ${disk}; writing and syncing 4 KiB takes ${syncMs().toFixed(2)} ms (p50).`,
  ].join("\n");
}

function syncMs(): number {
  const folder = mkdtempSync(join(tmpdir(), "paygent-bench-"));
  const file = openSync(join(folder, "probe"), "w");
  const page = Buffer.alloc(4096, 1);
  const times = Array.from({ length: 200 }, () => {
    const from = performance.now();
    writeSync(file, page);
    fsyncSync(file);
    return performance.now() - from;
  });
  closeSync(file);
  rmSync(folder, { recursive: true });
  return median(times);
}
