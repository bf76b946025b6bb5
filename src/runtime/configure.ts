import { PaygentError } from "../protocol/errors.ts";
import type { SessionConfigPatch } from "../protocol/request-bodies.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import { updateSession } from "../store/sessions.ts";
import { type Caller, requireOwner, sessionFor } from "./access.ts";
import { commitCommand, type Runtime } from "./runtime.ts";

/**
 * Changes a session's title or some of its settings. Settings that change make a new policy version; a changed
 * `budget_usd` is told by a `budget` event.
 */
export async function configure(
  runtime: Runtime,
  caller: Caller,
  { sessionId, title, config }: { sessionId: string; title?: string | null; config?: SessionConfigPatch | undefined },
): Promise<void> {
  requireOwner(await sessionFor(runtime.store.db, caller, sessionId), caller, "approve");
  await commitCommand(runtime, { sessionId, caller }, async (unit) => {
    if (title !== undefined) await updateSession(unit.tx, sessionId, { title });
    if (config === undefined) return;
    const merged: SessionConfig = { ...unit.session.config, ...config };
    checkConfig(runtime, merged, unit.session.userId);
    await unit.configure(merged);
  });
}

/** Refuses settings that this server could not keep to. */
export function checkConfig(runtime: Runtime, config: SessionConfig, ownerId: string): void {
  checkQuorum(config, ownerId);
  for (const name of Object.keys(config.tools)) {
    if (runtime.tools.has(name)) continue;
    const known = [...runtime.tools.keys()].join(", ");
    throw new PaygentError("invalid_message", `"config.tools" names an unknown tool. The tools are ${known}.`);
  }
  try {
    runtime.modelFor(config);
  } catch (error) {
    if (!(error instanceof PaygentError)) throw error;
    throw new PaygentError("invalid_message", `"config.model": ${error.message}`);
  }
}

/** A quorum that can never be reached would hold every payment up until it expires. */
function checkQuorum({ quorum, approvers }: SessionConfig, ownerId: string): void {
  const needed = Math.max(0, ...quorum.map(({ approvals }) => approvals));
  const others = new Set(approvers.filter((approver) => approver !== ownerId)).size;
  if (needed <= others) return;
  throw new PaygentError(
    "invalid_message",
    `"config.quorum" asks for ${needed} approvals, but "config.approvers" names ${others} beside the owner, who gives ` +
      "the commands and cannot approve them. Name more approvers.",
  );
}
