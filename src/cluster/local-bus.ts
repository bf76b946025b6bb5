import type { Bus } from "../runtime/bus.ts";
import { Subscriptions } from "./subscriptions.ts";

/** A bus within one process: there are no other nodes to tell. */
export function localBus(): Bus {
  const sessions = new Subscriptions();
  return {
    publish: (sessionId, events) => sessions.get(sessionId)?.deliver(events),
    publishDelta: (sessionId, frame) => sessions.get(sessionId)?.deliverDelta(frame),
    subscribe: (sessionId, listener, lastSeq) => sessions.add(sessionId, listener, lastSeq),
    signal: () => undefined,
    onSignal: () => undefined,
    isConnected: () => true,
    close: async () => undefined,
  };
}
