import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Clock, isoTime } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Database } from "../store/statement.ts";
import { readTotals, type Totals } from "../store/totals.ts";
import { answerWithin } from "./answer-within.ts";

/** What a server measures of itself, in Prometheus' terms. */
export interface Metrics {
  /**
   * Counts the time from an event's to its being handed to the sockets. An event's time is that of its unit of work,
   * taken once when it begins, so waiting for locks and the commit are in it.
   */
  observeLag(eventAt: string): void;
  /** The text that Prometheus scrapes; without what is counted in the database while that cannot be read. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Prometheus gives up after ten seconds, and then has nothing of this server. */
const patienceMs = 5000;

export function createMetrics(given: {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly countSockets: () => number;
  readonly isBusConnected: () => boolean;
}): Metrics {
  const { db, clock, log } = given;
  const register = new Registry();
  // Memory, CPU, and how long the event loop is held up, looked at 20 times a second: each look wakes an idle process.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 50 });
  const registers = [register];
  const lag = new Histogram({
    name: "paygent_event_lag_seconds",
    help: "From the time of a durable event, when its change began and was not yet committed, to its being handed to this node's sockets as news",
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers,
  });
  const sockets = new Gauge({ name: "paygent_sockets", help: "WebSockets open on this node", registers });
  const bus = new Gauge({ name: "paygent_bus_connected", help: "1 when hints of other nodes come through", registers });
  const up = new Gauge({ name: "paygent_database_up", help: "0 while the database cannot be read", registers });
  const shared = sharedMetrics();

  return {
    observeLag: (eventAt) => lag.observe(Math.max(0, clock.now() - Date.parse(eventAt)) / 1000),
    contentType: register.contentType,
    async text() {
      const now = clock.now();
      const totals = await answerWithin(patienceMs, readTotals(db, isoTime(now).slice(0, 10))).catch(
        (error: unknown) => {
          log.warn({ err: error }, "metrics lack what is counted in the database");
          return undefined;
        },
      );
      sockets.set(given.countSockets());
      bus.set(given.isBusConnected() ? 1 : 0);
      up.set(totals === undefined ? 0 : 1);
      // Left out rather than old or 0: nobody knows.
      return (await register.metrics()) + (totals === undefined ? "" : await shared(totals, now));
    },
  };
}

/** What is counted in the database, the same on every node. */
function sharedMetrics(): (totals: Totals, now: number) => Promise<string> {
  const register = new Registry();
  const registers = [register];
  const executions = new Gauge({
    name: "paygent_executions",
    help: "Open executions over all nodes: queued, running or waiting, none that ended; those queued are the queue's depth",
    labelNames: ["status"],
    registers,
  });
  const approvals = new Gauge({ name: "paygent_approvals_pending", help: "Approvals waiting for a person", registers });
  const age = new Gauge({
    name: "paygent_approvals_oldest_seconds",
    help: "How long the longest waiting approval has waited",
    registers,
  });
  const spent = new Gauge({
    name: "paygent_day_usd",
    help: "Spent and reserved on this day (UTC) over all users, in USD",
    registers,
  });

  return (totals, now) => {
    for (const [status, count] of Object.entries(totals.executions)) executions.set({ status }, count);
    approvals.set(totals.pendingApprovals);
    age.set(totals.oldestApprovalAt === undefined ? 0 : (now - Date.parse(totals.oldestApprovalAt)) / 1000);
    spent.set(Number(totals.dayMicros) / 1e6);
    return register.metrics();
  };
}
