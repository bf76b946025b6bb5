import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { Retention } from "../runtime/retention.ts";
import { openArchive } from "../store/archive.ts";
import type { Store } from "../store/database.ts";
import type { Settings } from "./settings.ts";

const minuteMs = 60_000;

/** What archives old events while the server runs, where the settings say so. Throws when the folder is another's. */
export async function openRetention(given: {
  store: Store;
  nodeId: string;
  clock: Clock;
  log: Log;
  settings: Settings;
  everyMs: number | undefined;
}): Promise<Retention | undefined> {
  const { store, nodeId, clock, log, settings, everyMs = minuteMs } = given;
  const { retentionDays: days, archiveDir: path } = settings;
  if (days === undefined) return undefined;
  const archiver = await openArchive({ store, path, by: nodeId, now: () => clock.now() });
  return new Retention({ archiver, log, days, everyMs });
}
