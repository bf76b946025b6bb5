import { type Clock, systemClock } from "../runtime/clock.ts";
import type { Store } from "../store/database.ts";
import { databaseClock } from "./database-clock.ts";

/** Several nodes share the database's time; one alone has its own. */
export async function openClock(store: Store, opened: { close(): Promise<unknown> }[]): Promise<Clock> {
  if (store.dialect === "sqlite") return systemClock;
  const clock = await databaseClock(store.db);
  opened.push({ close: async () => clock.close() });
  return clock;
}
