import type { SessionConfig } from "../protocol/session-config.ts";
import type { Store } from "../store/database.ts";
import type { AgentModel } from "./agent-model.ts";
import type { Bus } from "./bus.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { ModelPrice } from "./model-price.ts";
import type { Subagent, Tool } from "./tool.ts";
import type { UserQuota } from "./user-quota.ts";
import type { Wallet } from "./wallet.ts";
import type { Web } from "./web.ts";

/** What every run of a node shares. */
export interface RunParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Log;
  readonly nodeId: string;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly subagents: ReadonlyMap<string, Subagent>;
  readonly wallet: Wallet;
  readonly web: Web;
  readonly userQuota: UserQuota;
  /** The model that a session's agents think with. Throws `model_failed` when it is not to be had here. */
  modelFor(config: SessionConfig): AgentModel;
  modelNameOf(config: Pick<SessionConfig, "model">): string;
  /** What that model costs; undefined for one that is not in the price table, which costs nothing. */
  modelPriceOf(config: SessionConfig): ModelPrice | undefined;
}
