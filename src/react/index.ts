export { PaygentProvider, usePaygent } from "./provider.ts";
export { foldEvents, type SessionView } from "./session-fold.ts";
export type {
  CallStatus,
  CallView,
  DecisionView,
  Entry,
  ExecutionView,
  ExecutionViewStatus,
  VoteView,
} from "./timeline.ts";
export { type ApprovalsView, useApprovals } from "./use-approvals.ts";
export { useExecution } from "./use-execution.ts";
export { type FreezesView, useFreezes } from "./use-freezes.ts";
export { type SessionActions, useSession } from "./use-session.ts";
