import * as z from "zod";
import { Usd } from "./money.ts";

const Name = z.string().min(1).max(200);

/** A host name or `host:port`; `*.` in front stands for every name below. */
const HostPattern = z
  .string()
  .max(260)
  .regex(
    /^(?:\*\.)?(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i,
    'must be a host such as "example.com", "*.example.com" or "127.0.0.1:4021"',
  );

const lists = <Item extends z.ZodType>(item: Item) =>
  z
    .strictObject({ allow: z.array(item).max(500).default([]), deny: z.array(item).max(500).default([]) })
    .default({ allow: [], deny: [] });

/** What a session may spend, what it asks a human about, and how long things may take. */
export const SessionConfig = z.strictObject({
  budget_usd: Usd.default("50"),
  daily_budget_usd: Usd.default("100"),
  payee_budgets_usd: z.record(Name, Usd).default({}),
  approval_threshold_usd: Usd.default("10"),
  max_payment_usd: Usd.default("1000"),
  max_first_payment_usd: Usd.default("1"),
  velocity: z
    .strictObject({ payments: z.int().min(1).max(1000), per_s: z.int().min(1).max(86_400) })
    .nullable()
    .default(null),
  approval_timeout_s: z.int().min(1).max(2_592_000).default(3600),
  execution_timeout_s: z.int().min(1).max(86_400).default(300),
  max_steps: z.int().min(1).max(256).default(32),
  if_busy: z.enum(["queue", "reject"]).default("queue"),
  model: z.string().min(1).max(200).optional(),
  tools: z.record(z.string().min(1).max(64), z.enum(["allow", "ask", "deny"])).default({}),
  payees: lists(Name),
  hosts: lists(HostPattern),
  approvers: z.array(Name).max(100).default([]),
  quorum: z
    .array(z.strictObject({ above_usd: Usd, approvals: z.int().min(1).max(20) }))
    .max(10)
    .default([]),
});
export type SessionConfig = z.infer<typeof SessionConfig>;
