import { sql } from "kysely";
import { type Database, isShared } from "./statement.ts";
import type { Tables } from "./tables.ts";

/** Who has sockets: a user, or a network address. */
export interface SocketSubject {
  readonly kind: Tables["socket_counts"]["kind"];
  readonly name: string;
}

export interface SocketCount extends SocketSubject {
  readonly sockets: number;
}

/**
 * Says how many sockets a node has of each subject, and gives how many of it the other living nodes have, in
 * the same order. It is one statement, so a transaction of its own, and a subject is one row: of two nodes that
 * say so at once, the second is told of what the first said. Numbers are said whole and never as differences,
 * so saying one again, when nobody knows whether it was heard, does no harm.
 */
export async function countSockets(
  db: Database,
  node: { readonly id: string; readonly aliveSince: string },
  counts: readonly SocketCount[],
): Promise<number[]> {
  // In order of the key, so that no two nodes wait for each other.
  const { rows } = await sql<{ kind: string; subject: string; others: number }>`
    insert into socket_counts as mine (kind, subject, counts)
    select kind, subject, jsonb_strip_nulls(jsonb_build_object(${node.id}::text, nullif(sockets, 0)))
    from unnest(${kinds(counts)}::text[], ${names(counts)}::text[], ${counts.map(({ sockets }) => sockets)}::int[])
      as given (kind, subject, sockets)
    order by kind, subject
    on conflict (kind, subject) do update set counts = (mine.counts - ${node.id}::text) || excluded.counts
    returning kind, subject, (
      select coalesce(sum(each.sockets::int), 0)::int
      from jsonb_each_text(mine.counts) as each (node, sockets) join nodes on nodes.id = each.node
      where each.node <> ${node.id} and nodes.heartbeat_at >= ${node.aliveSince}
    ) as others`.execute(db);
  const others = new Map(rows.map((row) => [`${row.kind} ${row.subject}`, row.others]));
  return counts.map(({ kind, name }) => others.get(`${kind} ${name}`) ?? 0);
}

/** What a node last said of each subject, in the same order. */
export async function socketsSaid(db: Database, nodeId: string, subjects: readonly SocketSubject[]): Promise<number[]> {
  const { rows } = await sql<{ sockets: number }>`
    select coalesce((counts ->> ${nodeId}::text)::int, 0) as sockets
    from unnest(${kinds(subjects)}::text[], ${names(subjects)}::text[]) with ordinality as given (kind, subject, place)
    left join socket_counts using (kind, subject)
    order by place`.execute(db);
  return rows.map(({ sockets }) => sockets);
}

/** Drops the rows of those subjects that have no sockets on any node. */
export async function dropUncounted(db: Database, subjects: readonly SocketSubject[]): Promise<void> {
  await sql`
    delete from socket_counts where (kind, subject) in (
      select kind, subject from socket_counts
      join unnest(${kinds(subjects)}::text[], ${names(subjects)}::text[]) as given (kind, subject) using (kind, subject)
      where counts = '{}' order by kind, subject for update of socket_counts)`.execute(db);
}

/** Forgets what nodes that are gone had said; it no longer counted. */
export async function forgetSocketsOf(tx: Database, nodeIds: readonly string[]): Promise<void> {
  if (nodeIds.length === 0 || !isShared(tx)) return;
  await sql`
    with held as (select kind, subject from socket_counts where counts ?| ${nodeIds}::text[]
                  order by kind, subject for update)
    update socket_counts as theirs set counts = theirs.counts - ${nodeIds}::text[]
    from held where theirs.kind = held.kind and theirs.subject = held.subject`.execute(tx);
  await sql`
    delete from socket_counts where (kind, subject) in (
      select kind, subject from socket_counts where counts = '{}' for update skip locked)`.execute(tx);
}

const kinds = (subjects: readonly SocketSubject[]) => subjects.map(({ kind }) => kind);
const names = (subjects: readonly SocketSubject[]) => subjects.map(({ name }) => name);
