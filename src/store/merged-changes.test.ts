import { expect, test } from "vitest";
import { mayMerge, merge } from "./merged-changes.ts";

const change = (name: string, sql: string, ...parameters: unknown[]) => ({ name, sql, parameters });
const head = change("a", 'update "sessions" set "last_seq" = $1 where "id" = $2', 7, "s");
const event = change("b", 'insert into "events" ("seq", "type") values ($1, $2)', 7, "thinking");
const status = change("c", 'update "executions" set "status" = $1', "running");

test("changes of different tables become one statement, each with its own parameters", () => {
  expect(merge([head, event, status])).toEqual({
    name: "abc",
    sql:
      'with c0 as (update "sessions" set "last_seq" = $1 where "id" = $2), ' +
      'c1 as (insert into "events" ("seq", "type") values ($3, $4)) update "executions" set "status" = $5',
    parameters: [7, "s", 7, "thinking", "running"],
  });
  expect(merge([head])).toBe(head);
});

test("changes of one table stay apart", () => {
  expect(mayMerge([head, event], status)).toBe(true);
  expect(mayMerge([head, event], change("d", 'update "sessions" set "title" = $1', "x"))).toBe(false);
});
