import type { DurableEventData } from "../protocol/events.ts";
import type { FreezeTarget } from "../protocol/freeze.ts";
import { type FreezeRow, putFreeze, removeFreeze } from "../store/freezes.ts";
import { activeSessions } from "../store/sessions.ts";
import { type Caller, requireScope, sessionFor } from "./access.ts";
import { isoTime } from "./clock.ts";
import { writeFor } from "./revoke.ts";
import { commitCommand, type Runtime } from "./runtime.ts";

type Told = Omit<DurableEventData["freeze"], "session_id">;

/**
 * Stops all payments of a session, of the caller, or (scope `admin`) of everybody. From when this resolves nothing
 * more is signed or sent; what was sent before, or was leaving in that moment, is settled. Twice is once: the first
 * freeze stays.
 */
export async function freeze(
  runtime: Runtime,
  caller: Caller,
  target: FreezeTarget & { readonly reason?: string | undefined },
): Promise<FreezeRow> {
  const at = isoTime(runtime.clock.now());
  const row = { ...(await subjectOf(runtime, caller, target)), byUser: caller.userId, reason: target.reason };
  const told = tellingOf(target, caller, true, target.reason);
  if (target.session_id !== undefined) {
    const { value } = await commitCommand(runtime, { sessionId: target.session_id, caller }, async (unit) => {
      const put = await putFreeze(unit.tx, { ...row, createdAt: unit.at });
      if (put.isNew) unit.appendToSession("freeze", told);
      return put.row;
    });
    return value;
  }
  const put = await writeFor(runtime.store, caller, (tx) => putFreeze(tx, { ...row, createdAt: at }));
  if (put.isNew) await tellSessions(runtime, row, told);
  return put.row;
}

/** Lifts a freeze; one that is not there is no error. Whoever may put it may lift it. */
export async function unfreeze(runtime: Runtime, caller: Caller, target: FreezeTarget): Promise<void> {
  const subject = await subjectOf(runtime, caller, target);
  const told = tellingOf(target, caller, false, undefined);
  if (target.session_id !== undefined) {
    await commitCommand(runtime, { sessionId: target.session_id, caller }, async (unit) => {
      if (await removeFreeze(unit.tx, subject)) unit.appendToSession("freeze", told);
    });
    return;
  }
  if (await writeFor(runtime.store, caller, (tx) => removeFreeze(tx, subject)))
    await tellSessions(runtime, subject, told);
}

async function subjectOf(
  { store }: Runtime,
  caller: Caller,
  { scope, session_id }: FreezeTarget,
): Promise<Pick<FreezeRow, "scope" | "subject">> {
  requireScope(caller, "approve");
  switch (scope) {
    case "session":
      return { scope, subject: (await sessionFor(store.db, caller, session_id ?? "")).id };
    case "user":
      return { scope, subject: caller.userId };
    case "all":
      requireScope(caller, "admin");
      return { scope, subject: "" };
  }
}

function tellingOf({ scope }: FreezeTarget, { userId }: Caller, frozen: boolean, reason: string | undefined): Told {
  return { scope, frozen, by: userId, ...(reason === undefined ? {} : { reason }) };
}

/**
 * A freeze of many sessions is written into the logs of those where work is under way, and shown live in the
 * others: an idle session has nothing that it could have stopped.
 */
async function tellSessions(
  runtime: Runtime,
  { scope, subject }: Pick<FreezeRow, "scope" | "subject">,
  told: Told,
): Promise<void> {
  const timestamp = isoTime(runtime.clock.now());
  for (const { id, isWorking } of await activeSessions(runtime.store.db, scope === "user" ? subject : undefined)) {
    if (isWorking) {
      await commitCommand(runtime, { sessionId: id }, async (unit) => unit.appendToSession("freeze", told));
    } else {
      const data = { session_id: id, ...told };
      runtime.bus.publishDelta(id, JSON.stringify({ type: "freeze", data, timestamp }));
    }
  }
}
