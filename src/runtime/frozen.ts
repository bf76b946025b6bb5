import { PaygentError } from "../protocol/errors.ts";
import { frozenNames } from "../protocol/freeze.ts";
import { type FreezeRow, freezesOfSession } from "../store/freezes.ts";
import type { Database } from "../store/statement.ts";

/** Why a payment is refused under a freeze. */
export function frozenError({ scope, byUser, reason, createdAt }: FreezeRow): PaygentError {
  const because = reason === undefined ? "" : ` (${reason})`;
  return new PaygentError(
    "policy_denied",
    `All payments of ${frozenNames[scope]} are frozen since ${createdAt} by ${byUser}${because}. ` +
      "Lift the freeze with `paygent unfreeze` or DELETE /api/v1/freeze, then ask again.",
    { details: { rule: "freeze", scope } },
  );
}

/** Throws `policy_denied` while the payments of a session are frozen. */
export async function refuseIfFrozen(db: Database, sessionId: string): Promise<void> {
  const [freeze] = await freezesOfSession(db, sessionId);
  if (freeze !== undefined) throw frozenError(freeze);
}
