import { DatabaseSync } from "node:sqlite";
import type { Store } from "../../src/store/database.ts";
import { unreachable } from "../../src/store/outage.ts";
import type { Actor } from "./virtual-time.ts";
import type { Weather } from "./weather.ts";

/** SQLite's words for a disk that fails and one that is full. */
const failures = [
  { errcode: 10, message: "disk I/O error" },
  { errcode: 13, message: "database or disk is full" },
];
let failing: { errcode: number; message: string } | undefined;

const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  if (failing === undefined || sql !== "COMMIT") return exec.call(this, sql);
  const { errcode, message } = failing;
  failing = undefined;
  // On a full disk SQLite undoes the transaction by itself.
  if (errcode === 13) exec.call(this, "ROLLBACK");
  throw Object.assign(new Error(message), { errcode });
};

/**
 * A node's way to the store that all nodes share: each commit takes its time, may fail with nothing changed, and
 * may succeed with the word of it lost. `committed` is awaited after each that
 * told something, before anybody hears of it.
 */
export function faultyStore(
  real: Store,
  actor: Actor,
  options: { random(limit: number): number; weather(): Weather; committed(): Promise<void> },
): Store {
  const { time } = actor;
  const { random } = options;
  const happens = (what: keyof Weather) => random(1000) < options.weather()[what];

  const write: Store["write"] = (unit) =>
    new Promise((resolve, reject) => {
      time.schedule(random(4), actor, async () => {
        let settle: () => void;
        const fails = happens("writeFails");
        const isLost = happens("writeAnswerLost");
        try {
          const value = await (fails ? writeInVain(real, unit, random) : real.write(unit));
          if (hasEvents(value)) await options.committed();
          settle = isLost ? () => reject(unreachable(new Error("connection lost"))) : () => resolve(value);
        } catch (error) {
          settle = () => reject(error);
        }
        failing = undefined;
        time.schedule(random(4), actor, settle);
      });
    });
  return { dialect: real.dialect, db: real.db, write, close: async () => undefined };
}

/** Whether a unit of work has told anything; heartbeats and the like have nothing to tell. */
function hasEvents(value: unknown): boolean {
  const { events } = (value ?? {}) as { events?: unknown };
  return Array.isArray(events) && events.length > 0;
}

async function writeInVain<T>(
  real: Store,
  unit: Parameters<typeof real.write<T>>[0],
  random: (limit: number) => number,
): Promise<T> {
  if (real.dialect === "sqlite") {
    failing = failures[random(failures.length)];
    return real.write(unit);
  }
  return real.write<T>(async (tx) => {
    await unit(tx);
    throw unreachable(new Error("connection lost"));
  });
}
