import { type Selectable, sql } from "kysely";
import { type Database, statement } from "./statement.ts";
import type { Tables } from "./tables.ts";

export interface SpendRuleRow {
  readonly id: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly toolName: string;
  readonly payee: string | undefined;
  readonly maxMicros: bigint;
  readonly totalMicros: bigint | undefined;
  readonly usedMicros: bigint;
  readonly expiresAt: string | undefined;
  readonly createdAt: string;
  readonly revokedAt: string | undefined;
}

type Raw = Selectable<Tables["spend_rules"]>;

function spendRuleRow(row: Raw): SpendRuleRow {
  return {
    id: row.id,
    sessionId: row.session_id,
    userId: row.user_id,
    toolName: row.tool_name,
    payee: row.payee ?? undefined,
    maxMicros: BigInt(row.max_micros),
    totalMicros: row.total_micros === null ? undefined : BigInt(row.total_micros),
    usedMicros: BigInt(row.used_micros),
    expiresAt: row.expires_at ?? undefined,
    createdAt: row.created_at,
    revokedAt: row.revoked_at ?? undefined,
  };
}

export async function insertSpendRule(
  tx: Database,
  rule: Omit<SpendRuleRow, "usedMicros" | "revokedAt">,
): Promise<void> {
  await tx
    .insertInto("spend_rules")
    .values({
      id: rule.id,
      session_id: rule.sessionId,
      user_id: rule.userId,
      tool_name: rule.toolName,
      payee: rule.payee ?? null,
      max_micros: rule.maxMicros,
      total_micros: rule.totalMicros ?? null,
      expires_at: rule.expiresAt ?? null,
      created_at: rule.createdAt,
    })
    .execute();
}

const selectValid = statement<{ sessionId: string; toolName: string; now: string }, Raw>((db, param) =>
  db
    .selectFrom("spend_rules")
    .selectAll()
    .where("session_id", "=", param("sessionId"))
    .where("tool_name", "=", param("toolName"))
    .where("revoked_at", "is", null)
    .where(({ eb, or }) => or([eb("expires_at", "is", null), eb("expires_at", ">", param("now"))])),
);

/** The rules of a session that hold for a tool now. */
export async function validSpendRules(
  tx: Database,
  sessionId: string,
  toolName: string,
  now: string,
): Promise<SpendRuleRow[]> {
  return (await selectValid(tx, { sessionId, toolName, now })).map(spendRuleRow);
}

/** Draws on a rule's total; a negative amount gives back. */
export async function drawOnSpendRule(tx: Database, id: string, micros: bigint): Promise<void> {
  await tx
    .updateTable("spend_rules")
    .set({ used_micros: sql`used_micros + ${micros}` })
    .where("id", "=", id)
    .execute();
}

export async function listSpendRules(db: Database, sessionId: string): Promise<SpendRuleRow[]> {
  const rows = await db
    .selectFrom("spend_rules")
    .selectAll()
    .where("session_id", "=", sessionId)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.map(spendRuleRow);
}

export async function findSpendRule(db: Database, id: string): Promise<SpendRuleRow | undefined> {
  const row = await db.selectFrom("spend_rules").selectAll().where("id", "=", id).executeTakeFirst();
  return row && spendRuleRow(row);
}

export async function revokeSpendRule(tx: Database, id: string, at: string): Promise<void> {
  await tx
    .updateTable("spend_rules")
    .set({ revoked_at: at })
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .execute();
}
