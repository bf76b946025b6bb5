import type { Bus, SessionListener } from "../runtime/bus.ts";

/** A bus within one process. */
export function localBus(): Bus {
  const sessions = new Map<string, Set<SessionListener>>();
  const tell = (sessionId: string, what: (listener: SessionListener) => void) => {
    const listeners = sessions.get(sessionId);
    if (listeners !== undefined) for (const listener of listeners) what(listener);
  };

  return {
    publish(sessionId, events) {
      if (events.length > 0) tell(sessionId, (listener) => listener.onEvents(events));
    },
    publishDelta(sessionId, frame) {
      tell(sessionId, (listener) => listener.onDelta(frame));
    },
    subscribe(sessionId, listener) {
      const listeners = sessions.get(sessionId) ?? new Set();
      sessions.set(sessionId, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) sessions.delete(sessionId);
      };
    },
  };
}
