import * as z from "zod";
import { Id } from "./ids.ts";

/** Whose payments stop: one session's, one user's, or everybody's. */
export const FreezeScope = z.enum(["session", "user", "all"]);
export type FreezeScope = z.infer<typeof FreezeScope>;

/** Whose payments a freeze stops, in a sentence about one session. */
export const frozenNames: Readonly<Record<FreezeScope, string>> = {
  session: "this session",
  user: "this user",
  all: "everybody",
};

/** A stop of all payments: of one session, of one user, or of the whole server. */
export const Freeze = z.object({
  scope: FreezeScope,
  session_id: Id.optional(),
  user_id: z.string().optional(),
  by: z.string(),
  reason: z.string().optional(),
  frozen_at: z.iso.datetime(),
});
export type Freeze = z.infer<typeof Freeze>;

/** What a freeze is put on; `session_id` goes with the scope `session` and with no other. */
export const FreezeTarget = z
  .strictObject({ scope: FreezeScope, session_id: Id.optional() })
  .refine(({ scope, session_id }) => (scope === "session") === (session_id !== undefined), {
    message: 'goes with the scope "session", and with no other',
    path: ["session_id"],
  });
export type FreezeTarget = z.infer<typeof FreezeTarget>;

export const FreezeBody = FreezeTarget.safeExtend({ reason: z.string().max(2000).optional() });
export type FreezeBody = z.infer<typeof FreezeBody>;
