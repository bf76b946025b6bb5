import * as z from "zod";

const oneOf = { message: 'must have "token_id" or "user_id", and not both' };

/** Text that every store takes and that shows what it is. */
const plain = /^[^\p{Cc}\p{Cs}]+$/u;

/** The `jti` of a JWT. */
export const TokenId = z.string().min(1).max(500).regex(plain);

/** Whose tokens no longer hold: the one with this `jti`, or all of a user that were issued before now. */
export const RevokeTokens = z
  .strictObject({
    token_id: TokenId.optional(),
    user_id: z.string().min(1).max(200).regex(plain).optional(),
  })
  .refine(({ token_id, user_id }) => (token_id === undefined) !== (user_id === undefined), oneOf);
export type RevokeTokens = z.infer<typeof RevokeTokens>;

/** What was revoked: one token, or all of a user that were issued before `revoked_at`. */
export const Revocation = z.object({
  token_id: z.string().optional(),
  user_id: z.string().optional(),
  by: z.string(),
  revoked_at: z.iso.datetime(),
});
export type Revocation = z.infer<typeof Revocation>;
