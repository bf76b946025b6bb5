export type { WalletKeys } from "./payments/wallet-keys.ts";
export type { PaymentTerms, ServiceResponse, SignedPayment } from "./protocol/payment.ts";
export type { Service, WalletInfo as Balance } from "./protocol/resources.ts";
export type {
  AgentModel,
  MeteredRequest,
  ModelCall,
  ModelMessage,
  ModelMeter,
  ModelReply,
  ModelRequest,
  ModelUsage,
  ProposedCall,
  RespondOptions,
  ToolSpec,
} from "./runtime/agent-model.ts";
export { type Clock, systemClock } from "./runtime/clock.ts";
export type { Purchase, Subagent, Tool, ToolContext } from "./runtime/tool.ts";
export type {
  Catalogue,
  ChainOutcome,
  PaymentIntent,
  Quote,
  SigningLimits,
  Transfer,
  Wallet,
} from "./runtime/wallet.ts";
export type { PageRequest } from "./runtime/web.ts";
export type { StartOptions } from "./server/settings.ts";
export { type PaidWorld, type RunningServer, type ServerParts, startServer } from "./server/start.ts";
