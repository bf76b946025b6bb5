import type { FastifyBaseLogger } from "fastify";
import type { Clock } from "../runtime/clock.ts";
import type { Store } from "../store/database.ts";
import { LocalRate } from "./local-rate.ts";
import { createRates, type RateLimits, type Rates } from "./rates.ts";
import { SharedPlaces } from "./shared-places.ts";
import { SharedRate } from "./shared-rate.ts";
import { LocalPlaces, type SocketLimits, type SocketPlaces } from "./socket-places.ts";

export interface Limits {
  readonly rates: Rates;
  readonly places: SocketPlaces;
  close(): Promise<void>;
}

/** What users and addresses may do: counted in memory by a server that is alone on its store, else with the others. */
export function openLimits(given: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
  readonly nodeId: string;
  readonly leaseMs: number;
  readonly limits: RateLimits & SocketLimits;
}): Limits {
  const { store, clock, limits } = given;
  if (store.dialect === "sqlite") {
    return {
      rates: createRates(limits, (_name, perSecond) => new LocalRate(perSecond, clock)),
      places: new LocalPlaces(limits),
      close: async () => undefined,
    };
  }
  const shared: SharedRate[] = [];
  const rates = createRates(limits, (name, perSecond) => {
    const rate = new SharedRate(store, clock, name, perSecond);
    shared.push(rate);
    return rate;
  });
  const places = new SharedPlaces(given);
  return {
    rates,
    places,
    async close() {
      for (const rate of shared) await rate.idle();
      await places.close();
    },
  };
}
