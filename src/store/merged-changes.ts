import type { BoundStatement } from "./statement.ts";

/** The table that an `insert` or `update` changes. */
function tableOf({ sql }: BoundStatement): string {
  const [, table] = /^(?:insert into|update) "(\w+)"/.exec(sql) ?? [];
  if (table === undefined) throw new Error(`This is no change of one table: ${sql}`);
  return table;
}

/** Whether a change may be one statement with others, which all see only what was there before it. */
export function mayMerge(changes: readonly BoundStatement[], change: BoundStatement): boolean {
  const table = tableOf(change);
  return changes.every((other) => tableOf(other) !== table);
}

const texts = new Map<string, string>();

/** Changes of different tables as one statement of PostgreSQL, which checks constraints when all are done. */
export function merge(changes: readonly BoundStatement[]): BoundStatement {
  const [only] = changes;
  if (only !== undefined && changes.length === 1) return only;
  const name = changes.map((change) => change.name).join("");
  let sql = texts.get(name);
  if (sql === undefined) {
    sql = textOf(changes);
    texts.set(name, sql);
  }
  return { name, sql, parameters: changes.flatMap(({ parameters }) => parameters) };
}

function textOf(changes: readonly BoundStatement[]): string {
  let bound = 0;
  const moved = changes.map(({ sql, parameters }) => {
    const before = bound;
    bound += parameters.length;
    return sql.replaceAll(/\$(\d+)/g, (_, number) => `$${Number(number) + before}`);
  });
  const last = moved.pop();
  return `with ${moved.map((sql, index) => `c${index} as (${sql})`).join(", ")} ${last}`;
}
