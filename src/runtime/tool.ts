import type * as z from "zod";
import type { Budget } from "../protocol/events.ts";
import type { Transfer } from "./wallet.ts";
import type { PageRequest } from "./web.ts";

type ToolArgs = Readonly<Record<string, unknown>>;

/** What a running tool call knows of its surroundings. */
export interface ToolContext {
  readonly sessionId: string;
  readonly executionId: string;
  readonly toolId: string;
  /** Aborts when the execution is cancelled, out of time, or the server drains. */
  readonly signal: AbortSignal;
  /** When the call was proposed, in milliseconds since the epoch; the same after a crash. */
  readonly proposedAt: number;
  now(): number;
  budget(): Promise<Budget>;
  /** Throws `policy_denied` when the session does not allow this host, such as one that a page redirects to. */
  requireHost(host: string): void;
}

interface PurchaseBase {
  /** Whom the money is for, as people know them: a name, a host, an address. */
  readonly payee: string;
  /** Whether the operator's catalogue names this payee, and so vouches for it. */
  readonly isListed?: boolean;
  /** Decimal, in the token's currency; a dearer price is not paid. */
  readonly maxAmount?: string;
}

/**
 * What a payment tool wants to pay for: one GET of a catalogue service; one request of a page anywhere, which
 * may turn out to be free; or nothing but that an address gets the money.
 */
export type Purchase =
  | (PurchaseBase & { readonly kind?: "service"; readonly url: string })
  | (PurchaseBase & PageRequest & { readonly kind: "page" })
  | (PurchaseBase & Transfer & { readonly kind: "transfer" });

interface ToolBase {
  readonly name: string;
  readonly description: string;
  /** The schema of the arguments, an object; what a model is shown and what every call is checked against. */
  readonly args: z.ZodType<ToolArgs>;
  /** The URL that a call goes to, where its arguments name one; the session's host lists are held against it. */
  target?(args: ToolArgs): string | undefined;
}

/**
 * A tool by what running it twice would mean:
 * `read` may be repeated after a crash; `write` may not, so an interrupted one becomes a question to the human;
 * `payment` goes through the payment steps; `delegate` runs a subagent; `question` is answered by a human.
 * `run` gives a JSON value and throws a `PaygentError` for what the agent should be told.
 */
export type Tool =
  | (ToolBase & {
      readonly effect: "read" | "write";
      readonly timeoutMs?: number;
      run(args: ToolArgs, context: ToolContext): Promise<unknown>;
    })
  | (ToolBase & { readonly effect: "payment"; purchase(args: ToolArgs): Purchase })
  | (ToolBase & { readonly effect: "delegate" })
  | (ToolBase & { readonly effect: "question" });

/** An agent that `delegate` can start: what it is told and which tools it has. */
export interface Subagent {
  readonly name: string;
  readonly instructions: string;
  readonly tools: readonly string[];
}
