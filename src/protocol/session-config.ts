import * as z from "zod";
import { Usd } from "./money.ts";

const Name = z.string().min(1).max(200);

/** What a session may spend, what it asks a human about, and how long things may take. */
export const SessionConfig = z.strictObject({
  budget_usd: Usd.default("50"),
  daily_budget_usd: Usd.default("100"),
  approval_threshold_usd: Usd.default("10"),
  max_payment_usd: Usd.default("1000"),
  approval_timeout_s: z.int().min(1).max(2_592_000).default(3600),
  execution_timeout_s: z.int().min(1).max(86_400).default(300),
  max_steps: z.int().min(1).max(256).default(32),
  if_busy: z.enum(["queue", "reject"]).default("queue"),
  model: z.string().min(1).max(200).optional(),
  tools: z.record(z.string().min(1).max(64), z.enum(["allow", "ask", "deny"])).default({}),
  payees: z
    .strictObject({ allow: z.array(Name).max(500).default([]), deny: z.array(Name).max(500).default([]) })
    .default({ allow: [], deny: [] }),
  approvers: z.array(Name).max(100).default([]),
  quorum: z
    .array(z.strictObject({ above_usd: Usd, approvals: z.int().min(1).max(20) }))
    .max(10)
    .default([]),
});
export type SessionConfig = z.infer<typeof SessionConfig>;
