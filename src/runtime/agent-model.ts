import type { PlanStep } from "../protocol/events.ts";

/** A tool as a model sees it; `inputSchema` is a JSON Schema of type object. */
export interface ToolSpec {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

/** A call as the log has it: under the id that its result and its approval go by. */
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

/** What a model goes by: the conversation so far, and what it may call. */
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

/** What a request took of the provider, as it counts it. */
export interface ModelUsage {
  /** All of what went in, whether it was read from a cache or not. */
  readonly inputTokens: number;
  /** The part of it that was read from the provider's cache. */
  readonly cachedTokens: number;
  /** All of what came out, reasoning that is not shown included. */
  readonly outputTokens: number;
}

/** A request that money is set aside for. */
export interface MeteredRequest {
  /** The longest answer that the money covers; the provider is to be told so. */
  readonly maxOutputTokens: number;
  /**
   * Says what the request took: nothing when it certainly cost nothing, and `undefined` when nobody can tell, which
   * charges all that was set aside. A request that is never ended is charged so too.
   */
  end(usage: ModelUsage | undefined): void;
}

/** Sets money aside for what a model asks of its provider. */
export interface ModelMeter {
  /**
   * To be awaited before each request, repeated ones included, with the size of what is sent. Rejects with
   * `budget_exceeded` when the budgets do not cover it, and the request must not be made.
   */
  begin(inputBytes: number): Promise<MeteredRequest>;
}

/** One step: what the model says, and which calls it asks for. No call means that it is done. */
export interface ModelReply {
  readonly text: string;
  readonly calls: readonly ModelCall[];
  /** The whole plan as the model now sees it, when it stated one. */
  readonly plan?: readonly PlanStep[] | undefined;
  /** Whether the model holds the command fulfilled; read only when it asks for no further call. */
  readonly success: boolean;
}

/** What goes on while a model answers: `onText` takes its text piece by piece, `signal` says when to stop. */
export interface RespondOptions {
  readonly signal: AbortSignal;
  readonly onText: (delta: string) => void;
  /** Given when the operator states a price for the model, which then has to use it. */
  readonly meter?: ModelMeter | undefined;
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
