import type { Approve, Edit, Reject } from "../../protocol/messages.ts";

/** How a card's decision is sent: over the session's socket, or by HTTP from the inbox. */
export interface Decide {
  readonly approve: (requestId: string, options?: Omit<Approve, "request_id">) => Promise<unknown>;
  readonly reject: (requestId: string, options?: Omit<Reject, "request_id">) => Promise<unknown>;
  readonly edit: (requestId: string, args: Edit["edited_args"]) => Promise<unknown>;
}
