import * as z from "zod";
import { Id } from "./ids.ts";
import { Approve, Cancel, Edit, Execute, Reject } from "./messages.ts";
import { SessionConfig } from "./session-config.ts";

const Title = z.string().min(1).max(200);

export const CreateSession = z.strictObject({ title: Title.optional(), config: SessionConfig.prefault({}) });
export type CreateSession = z.infer<typeof CreateSession>;

const { shape } = SessionConfig;

/** A change of some settings. It carries no defaults, so a setting that is not named stays as it is. */
export const SessionConfigPatch = z.strictObject({
  budget_usd: shape.budget_usd.unwrap().optional(),
  daily_budget_usd: shape.daily_budget_usd.unwrap().optional(),
  payee_budgets_usd: shape.payee_budgets_usd.unwrap().optional(),
  approval_threshold_usd: shape.approval_threshold_usd.unwrap().optional(),
  max_payment_usd: shape.max_payment_usd.unwrap().optional(),
  max_first_payment_usd: shape.max_first_payment_usd.unwrap().optional(),
  velocity: shape.velocity.unwrap().optional(),
  approval_timeout_s: shape.approval_timeout_s.unwrap().optional(),
  execution_timeout_s: shape.execution_timeout_s.unwrap().optional(),
  max_steps: shape.max_steps.unwrap().optional(),
  if_busy: shape.if_busy.unwrap().optional(),
  model: shape.model,
  tools: shape.tools.unwrap().optional(),
  payees: shape.payees.unwrap().optional(),
  hosts: shape.hosts.unwrap().optional(),
  approvers: shape.approvers.unwrap().optional(),
  quorum: shape.quorum.unwrap().optional(),
} satisfies Record<keyof typeof shape, z.ZodType>);
export type SessionConfigPatch = z.infer<typeof SessionConfigPatch>;

/** `title: null` takes the title away. */
export const PatchSession = z.strictObject({
  title: Title.nullable().optional(),
  config: SessionConfigPatch.optional(),
});
export type PatchSession = z.infer<typeof PatchSession>;

export const CreateTicket = z.strictObject({ session_id: Id });
export type CreateTicket = z.infer<typeof CreateTicket>;

export const ExecuteBody = Execute;
export type ExecuteBody = Execute;

export const CancelBody = Cancel.omit({ execution_id: true });
export type CancelBody = z.infer<typeof CancelBody>;

export const ApproveBody = Approve.omit({ request_id: true });
export type ApproveBody = z.infer<typeof ApproveBody>;

export const RejectBody = Reject.omit({ request_id: true });
export type RejectBody = z.infer<typeof RejectBody>;

export const EditBody = Edit.omit({ request_id: true });
export type EditBody = z.infer<typeof EditBody>;
