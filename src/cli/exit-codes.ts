import { PaygentError } from "../protocol/errors.ts";

/** What the process ends with; documented in docs/cli.md. */
export const exitCodes = {
  success: 0,
  failed: 1,
  usage: 2,
  approvalNeeded: 3,
  unreachable: 4,
  refused: 5,
  interrupted: 130,
  terminated: 143,
} as const;

/** An error of the caller's: an option or argument that cannot be right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  if (!(error instanceof PaygentError)) return exitCodes.failed;
  switch (error.code) {
    case "unauthenticated":
    case "forbidden":
      return exitCodes.refused;
    case "unavailable":
      return exitCodes.unreachable;
    case "invalid_message":
    case "invalid_json":
      return exitCodes.usage;
    default:
      return exitCodes.failed;
  }
}
