import { PaygentError } from "../protocol/errors.ts";
import type { Scope } from "../protocol/scope.ts";
import { findSession, type SessionRow } from "../store/sessions.ts";
import type { Database } from "../store/statement.ts";

/** Who asks for something, and what their credential lets them do. */
export interface Caller {
  readonly userId: string;
  readonly scopes: ReadonlySet<Scope>;
  /** What a revocation goes by: the token's `jti` and `iat` (in milliseconds). The token of local mode has none of it. */
  readonly token?: { readonly id?: string; readonly issuedAt?: number };
}

/** The one answer to every credential that does not hold; naming the reason would help only an attacker. */
export function unauthenticated(reason: unknown): PaygentError {
  return new PaygentError(
    "unauthenticated",
    "The credential is missing, invalid or expired; get a new token and try again.",
    { cause: typeof reason === "string" ? new Error(reason) : reason },
  );
}

type Kind = "session" | "execution" | "approval" | "payment" | "spend rule";

/** The same answer for what does not exist and for what belongs to somebody else. */
export function notFound(kind: Kind): PaygentError {
  return new PaygentError("not_found", `There is no such ${kind}, or it is not yours. Check the id.`);
}

/** Whether a caller may watch a session: its owner, and whom its owner made an approver. */
export function isMember(session: SessionRow, caller: Caller): boolean {
  return session.userId === caller.userId || session.config.approvers.includes(caller.userId);
}

export function requireScope(caller: Caller, scope: Scope): void {
  if (caller.scopes.has(scope) || caller.scopes.has("admin")) return;
  throw new PaygentError("forbidden", `Your access token lacks the scope "${scope}". Use a token that has it.`);
}

/** Only the owner starts and cancels executions (scope `execute`) and changes the session's rules (`approve`). */
export function requireOwner(session: SessionRow, caller: Caller, scope: "execute" | "approve"): void {
  requireScope(caller, scope);
  if (session.userId === caller.userId) return;
  throw new PaygentError("forbidden", "Only the owner of this session may do this.");
}

/** Where a session names approvers only they decide; else its owner does. */
export function requireApprover(session: SessionRow, caller: Caller): void {
  requireScope(caller, "approve");
  const { approvers } = session.config;
  const mayDecide = approvers.length === 0 ? session.userId === caller.userId : approvers.includes(caller.userId);
  if (mayDecide) return;
  throw new PaygentError("forbidden", "Only the approvers named in this session's config may decide.");
}

/** The session of a caller's request; `not_found` unless the caller is a member. */
export async function sessionFor(db: Database, caller: Caller, id: string): Promise<SessionRow> {
  const session = await findSession(db, id);
  if (session === undefined || !isMember(session, caller)) throw notFound("session");
  return session;
}

/** What was looked up for a caller, with its session; `not_found` unless it is there and the caller is a member. */
export async function requireMember<Row extends { readonly sessionId: string }>(
  db: Database,
  caller: Caller,
  row: Row | undefined,
  kind: Kind,
): Promise<{ row: Row; session: SessionRow }> {
  const session = row && (await findSession(db, row.sessionId));
  if (row === undefined || session === undefined || !isMember(session, caller)) throw notFound(kind);
  return { row, session };
}
