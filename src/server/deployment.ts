import { type Clock, isoTime } from "../runtime/clock.ts";
import type { Store } from "../store/database.ts";
import { joinDeployment } from "../store/deployment.ts";
import type { PaidWorld } from "./open-world.ts";
import type { Settings } from "./settings.ts";

/** Several servers on one database pay from one wallet, or they do not start. */
export async function joinOthers(given: {
  store: Store;
  nodeId: string;
  world: PaidWorld;
  clock: Clock;
  settings: Settings;
}): Promise<void> {
  const { address, network } = await given.world.wallet.balance();
  const now = given.clock.now();
  await joinDeployment(given.store, {
    id: given.nodeId,
    payer: `${network}:${address}`,
    at: isoTime(now),
    aliveSince: isoTime(now - given.settings.leaseMs),
  });
}
