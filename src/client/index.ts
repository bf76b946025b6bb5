export { PaygentError } from "../protocol/errors.ts";
export type { TokenSource } from "./access-token.ts";
export {
  type ClientOptions,
  type ConnectOptions,
  createClient,
  type LogQuery,
  type PageQuery,
  type PaygentClient,
  type PaymentFilter,
  type PaymentQuery,
  type StatementQuery,
} from "./client.ts";
export type { Connection, ConnectionEvents } from "./connection.ts";
export type { ConnectionStatus } from "./event-socket.ts";
export type { RunningExecution } from "./execution.ts";
export { type ReconnectOptions, reconnectDelayMs } from "./reconnect-delay.ts";
export { type ExecutionEnd, isExecutionEnd } from "./server-event.ts";
