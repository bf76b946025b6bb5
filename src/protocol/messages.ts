import * as z from "zod";
import { Id } from "./ids.ts";
import { Usd } from "./money.ts";
import { SpendRule } from "./spend-rule.ts";

const Reason = z.string().max(2000);
const Args = z.record(z.string().max(200), z.unknown());

/** One step of a plan that the client gives with `execute`. A step with a `tool_name` is run as it stands. */
export const PlanInput = z.strictObject({
  title: z.string().min(1).max(500),
  tool_name: z.string().min(1).max(64).optional(),
  tool_args: Args.optional(),
  max_cost_usd: Usd.optional(),
});
export type PlanInput = z.infer<typeof PlanInput>;

/** A command for the agent. Sent again with its `execution_id` and the same content it starts nothing new. */
export const Execute = z.strictObject({
  command: z.string().min(1).max(4000).regex(/\S/, "must not be blank"),
  plan: z.array(PlanInput).min(1).max(50).optional(),
  budget_limit_usd: Usd.optional(),
  execution_id: Id.optional(),
  if_busy: z.enum(["queue", "reject"]).optional(),
});
export type Execute = z.infer<typeof Execute>;

/** Approves a call as it was asked about; `remember` leaves a spend rule for those that follow. */
export const Approve = z.strictObject({ request_id: Id, reason: Reason.optional(), remember: SpendRule.optional() });
export type Approve = z.infer<typeof Approve>;

/** Refuses a call; the agent is told the reason and goes on. */
export const Reject = z.strictObject({ request_id: Id, reason: Reason.optional() });
export type Reject = z.infer<typeof Reject>;

/** Approves a call with other arguments: `edited_args` are all of them, not those that differ. */
export const Edit = z.strictObject({ request_id: Id, edited_args: Args, reason: Reason.optional() });
export type Edit = z.infer<typeof Edit>;

/** Stops an execution. What is being paid is brought to its end before `cancelled` follows. */
export const Cancel = z.strictObject({ execution_id: Id, reason: Reason.optional() });
export type Cancel = z.infer<typeof Cancel>;

/** Asks for a `pong`, which shows that the connection still carries. */
export const Ping = z.strictObject({});

const MessageRef = z.string().max(128).optional();
const message = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z.strictObject({ type: z.literal(type), data, id: MessageRef });

/** Everything a client may send over a session's WebSocket. */
export const ClientMessage = z.discriminatedUnion("type", [
  message("execute", Execute),
  message("approve", Approve),
  message("reject", Reject),
  message("edit", Edit),
  message("cancel", Cancel),
  message("ping", Ping),
]);
export type ClientMessage = z.infer<typeof ClientMessage>;

/** The types of `ClientMessage`: whatever else stands in `type` is answered with `unknown_message_type`. */
export const messageTypes: ReadonlySet<string> = new Set(
  ClientMessage.options.map((option) => option.shape.type.value),
);
