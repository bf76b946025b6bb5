import type { DurableEventData } from "../protocol/events.ts";
import type { Freeze } from "../protocol/freeze.ts";

/** The freezes of a session after a `freeze` event: there is one of each scope at most. */
export function afterFreeze(
  frozen: readonly Freeze[],
  { scope, frozen: isFrozen, session_id, by, reason }: DurableEventData["freeze"],
  timestamp: string,
): readonly Freeze[] {
  const others = frozen.filter((freeze) => freeze.scope !== scope);
  if (!isFrozen) return others;
  const freeze: Freeze = {
    scope,
    ...(scope === "session" ? { session_id } : {}),
    // Only users themselves freeze all of their sessions.
    ...(scope === "user" ? { user_id: by } : {}),
    by,
    ...(reason === undefined ? {} : { reason }),
    frozen_at: timestamp,
  };
  return [...others, freeze];
}
