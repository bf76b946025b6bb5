export { closeCodes, isRetryable } from "./close-codes.ts";
export { decodeMessage } from "./decode.ts";
export { ErrorCode, httpStatus, PaygentError } from "./errors.ts";
export {
  ApprovalRequired,
  Budget,
  Cost,
  Decision,
  type DurableEvent,
  type DurableEventData,
  type DurableEventType,
  durableEvents,
  ErrorInfo,
  InFlight,
  type LiveEvent,
  type LiveEventData,
  type LiveEventType,
  liveEvents,
  PayeeHistory,
  PlanStep,
  type ServerEvent,
  Untrusted,
} from "./events.ts";
export { Freeze, FreezeScope } from "./freeze.ts";
export { Id } from "./ids.ts";
export type { RawLogEntry } from "./log-page.ts";
export { Approve, Cancel, ClientMessage, Edit, Execute, messageTypes, Ping, PlanInput, Reject } from "./messages.ts";
export { Decimal, formatUnits, formatUsd, parseUnits, USD_DECIMALS, Usd, usdMicros } from "./money.ts";
export { PaymentDetail, PaymentInfo, PaymentState, Receipt, Statement } from "./payment-info.ts";
export { PaymentSum, PaymentsBy, PaymentTotals } from "./payment-totals.ts";
export type {
  Approval,
  ApprovalRecord,
  ApprovalStatus,
  ArchivedEvents,
  EventFrame,
  EventsPage,
  Execution,
  ExecutionStatus,
  Health,
  IdentityInfo,
  LogEntry,
  LogPage,
  LogSummary,
  Page,
  Problem,
  Service,
  Session,
  SpendRuleInfo,
  Ticket,
  ToolInfo,
  ToolList,
  WalletInfo,
} from "./resources.ts";
export { Revocation, RevokeTokens } from "./revocation.ts";
export { Scope } from "./scope.ts";
export { SessionConfig } from "./session-config.ts";
export { BudgetDraw, Simulate, Simulation } from "./simulation.ts";
export { SpendRule } from "./spend-rule.ts";
export { statementCsv } from "./statement-csv.ts";
