import type { ExecutionView } from "./timeline.ts";
import { useSession } from "./use-session.ts";

/** One execution of a session, live; undefined while nothing is known of it. */
export function useExecution(sessionId: string, executionId: string): ExecutionView | undefined {
  const { executions } = useSession(sessionId);
  return executions.find((execution) => execution.executionId === executionId);
}
