import { formatDistanceStrict } from "date-fns";
import type { Freeze, FreezeTarget } from "../../protocol/freeze.ts";
import { plainText } from "../plain-text.ts";

/** Whose payments a freeze stops, as it is said to `userId` on a page of the session `sessionId`. */
export function whosePayments(
  { scope, session_id, user_id }: Pick<Freeze, "scope" | "session_id" | "user_id">,
  sessionId: string | undefined,
  userId: string | undefined,
): string {
  switch (scope) {
    case "session":
      return session_id === sessionId ? "this session" : `session ${session_id}`;
    case "user":
      return user_id === undefined || user_id === userId
        ? "all your sessions"
        : plainText(`all sessions of ${user_id}`);
    case "all":
      return "everybody";
  }
}

export function targetOf({ scope, session_id }: Freeze): FreezeTarget {
  return scope === "session" ? { scope, session_id } : { scope };
}

export function isSameTarget(one: FreezeTarget, other: FreezeTarget): boolean {
  return one.scope === other.scope && one.session_id === other.session_id;
}

/** `3 minutes ago`. */
export function ago(iso: string, now: number): string {
  const then = Date.parse(iso);
  // Clocks differ by seconds; nothing was frozen in the future.
  return now - then < 1000 ? "just now" : formatDistanceStrict(then, now, { addSuffix: true });
}
