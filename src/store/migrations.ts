import type { Migration } from "kysely/migration";
import { first } from "./migrations/0001-first.ts";
import { sharedLimits } from "./migrations/0002-shared-limits.ts";
import { archive } from "./migrations/0003-archive.ts";
import { revocations } from "./migrations/0005-revocations.ts";
import { executionsOfUser } from "./migrations/0006-executions-of-user.ts";
import { cancelledExecutions } from "./migrations/0007-cancelled-executions.ts";

/**
 * Numbered, applied in order, never changed once released. The number of one that was not released, such as 0004, is not
 * used again: a database of whoever worked on it may have it as applied.
 */
export function migrations(): Record<string, Migration> {
  return {
    "0001_first": first,
    "0002_shared_limits": sharedLimits,
    "0003_archive": archive,
    "0005_revocations": revocations,
    "0006_executions_of_user": executionsOfUser,
    "0007_cancelled_executions": cancelledExecutions,
  };
}
