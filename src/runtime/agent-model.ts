import type { PlanStep } from "../protocol/events.ts";

/** A tool as a model sees it; `inputSchema` is a JSON Schema of type object. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

export interface ProposedCall {
  readonly toolId: string;
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** One turn of a conversation, folded from the event log. */
export type ModelMessage =
  | { readonly role: "user"; readonly text: string }
  | { readonly role: "assistant"; readonly text: string; readonly toolCalls: readonly ProposedCall[] }
  | {
      readonly role: "tool";
      readonly toolId: string;
      readonly name: string;
      readonly success: boolean;
      /** JSON: the tool's result, or `{ error: { code, message } }`, with a `note` where a human changed the call. */
      readonly result: unknown;
    };

export interface ModelRequest {
  readonly instructions: string;
  /** Earlier commands of the session first; the last user message is the command being worked on. */
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolSpec[];
}

/** A call that a model asks for; `args` is undefined when what it wrote is no JSON object. */
export interface ModelCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>> | undefined;
}

/** What a reply took of the provider, as it counts it. */
export interface ModelUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface ModelReply {
  readonly text: string;
  readonly calls: readonly ModelCall[];
  /** The whole plan as the model now sees it, when it stated one. */
  readonly plan?: readonly PlanStep[] | undefined;
  /** Whether the model holds the command fulfilled; read only when it asks for no further call. */
  readonly success: boolean;
  /** Absent where the provider does not say; such a reply costs nothing. */
  readonly usage?: ModelUsage | undefined;
}

export interface RespondOptions {
  readonly signal: AbortSignal;
  readonly onText: (delta: string) => void;
}

/**
 * One step of an agent's thinking. Safe to call again for the same request: it has no effect of its own.
 * Rejects with `model_failed` once its own retries are used up, and with the signal's reason when aborted.
 */
export interface AgentModel {
  readonly name: string;
  /** True of a model that looks at the current command alone, so that earlier ones need not be read. */
  readonly ignoresHistory?: boolean;
  respond(request: ModelRequest, options: RespondOptions): Promise<ModelReply>;
}
