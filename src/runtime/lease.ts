import type { Unit } from "../store/unit.ts";
import type { Claim } from "./run-log.ts";

/** Takes the lease: from here on only the holder of this fencing number may write for the execution. */
export function claimLease(unit: Unit, nodeId: string): Claim {
  const { execution } = unit;
  if (execution.claimedAt !== null) releaseLease(unit);
  execution.status = "running";
  execution.owner = nodeId;
  execution.fence += 1;
  execution.claimedAt = unit.at;
  execution.startedAt ??= unit.at;
  return { executionId: execution.id, sessionId: unit.session.id, fence: execution.fence };
}

/** Gives up the lease, and counts the time that the execution was worked on. */
export function releaseLease(unit: Unit): void {
  const { execution } = unit;
  if (execution.claimedAt !== null) {
    execution.activeMs += Math.max(0, Date.parse(unit.at) - Date.parse(execution.claimedAt));
  }
  execution.claimedAt = null;
  execution.owner = null;
}
