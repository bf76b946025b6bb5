import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { PreparedClient } from "../src/store/prepared-client.ts";
import { testDatabase } from "./support/database.ts";

const isPostgres = (process.env.DATABASE_URL ?? "") !== "";

/** A client with a table of its own, and how often PostgreSQL described rows on it, or said that there are none. */
async function connected() {
  const database = await testDatabase();
  const connectionString = database.env.DATABASE_URL ?? "";
  const types = new pg.TypeOverrides();
  types.setTypeParser(pg.types.builtins.INT8, Number);
  const config = { connectionString, types, pipeline: true };
  const client: pg.Client = new PreparedClient(config);
  const plain = new pg.Client(config);
  await Promise.all([client.connect(), plain.connect()]);
  onTestFinished(async () => {
    await Promise.all([client.end(), plain.end()]);
    await database.remove();
  });
  await client.query(
    "create table things (id int8 primary key, name text, facts jsonb, is_new boolean, made timestamptz)",
  );
  await client.query(
    `insert into things values (1, 'one', '{"a": [1]}', true, '2027-03-01T00:00:00Z'), (2, null, null, null, null)`,
  );
  let descriptions = 0;
  const count = () => {
    descriptions += 1;
  };
  client.connection.on("rowDescription", count);
  client.connection.on("noData", count);
  return { client, plain, descriptions: () => descriptions };
}

const byId = (id: number) => ({ name: "by_id", text: "select * from things where id >= $1 order by id", values: [id] });

test.skipIf(!isPostgres)("what a prepared statement gives is described once, and read as ever", async () => {
  const { client, plain, descriptions } = await connected();

  const first = await client.query(byId(1));
  const second = await client.query(byId(1));
  const fewer = await client.query(byId(2));

  const { rows } = await plain.query(byId(1));
  expect(first.rows).toEqual(rows);
  expect(second.rows).toEqual(rows);
  expect(fewer.rows).toEqual(rows.slice(1));
  expect(second).toMatchObject({ command: "SELECT", rowCount: 2 });
  expect(descriptions()).toBe(1);
});

test.skipIf(!isPostgres)("a change that gives no rows is described once", async () => {
  const { client, descriptions } = await connected();
  const rename = { name: "rename", text: "update things set name = $1 where id = 1", values: ["new"] };

  expect(await client.query(rename)).toMatchObject({ command: "UPDATE", rowCount: 1, rows: [] });
  expect(await client.query(rename)).toMatchObject({ command: "UPDATE", rowCount: 1, rows: [] });

  expect(descriptions()).toBe(1);
});

test.skipIf(!isPostgres)("what is sent together before the description is known is read all the same", async () => {
  const { client } = await connected();

  const answers = await Promise.all([client.query(byId(1)), client.query(byId(2)), client.query(byId(3))]);

  expect(answers.map(({ rows }) => rows.length)).toEqual([2, 1, 0]);
});

test.skipIf(!isPostgres)("a statement that fails is prepared and described when it next works", async () => {
  const { client } = await connected();
  const divided = (by: number) => ({ name: "divided", text: "select 6 / $1::int as result", values: [by] });

  await expect(client.query(divided(0))).rejects.toMatchObject({ code: "22012" });
  expect((await client.query(divided(2))).rows).toEqual([{ result: 3 }]);
  await expect(client.query(divided(0))).rejects.toMatchObject({ code: "22012" });
  expect((await client.query(divided(3))).rows).toEqual([{ result: 2 }]);
});

test.skipIf(!isPostgres)(
  "columns that have changed fail the statement, and have another name to be read by",
  async () => {
    const { client, plain } = await connected();
    await client.query(byId(2));

    await plain.query("alter table things add column weight int8 default 7");

    await expect(client.query(byId(2))).rejects.toMatchObject({ code: "0A000" });
    const { rows } = await client.query({ ...byId(2), name: "by_id_again" });
    expect(rows).toEqual([{ id: 2, name: null, facts: null, is_new: null, made: null, weight: 7 }]);
  },
);

test.skipIf(!isPostgres)("what is no prepared statement in one object goes the way of pg", async () => {
  const { client, plain } = await connected();
  const { name, text, values } = byId(2);
  const asArrays = { ...byId(2), rowMode: "array" as const };

  for (const by of [client, plain]) {
    expect((await by.query("select id from things where id = $1", [2])).rows).toEqual([{ id: 2 }]);
    expect((await by.query({ name, text }, values)).rows).toMatchObject([{ id: 2 }]);
    expect((await by.query(asArrays)).rows).toEqual([[2, null, null, null, null]]);
    expect(await new Promise((resolve) => by.query(byId(2), (_, result) => resolve(result.rowCount)))).toBe(1);
  }
});

test.skipIf(!isPostgres)("of two columns of one name the last is told, also where it is null", async () => {
  const { client, plain } = await connected();
  const twice = { name: "twice", text: "select 1 as a, null::int as a" };

  for (const by of [client, plain]) expect((await by.query(twice)).rows).toEqual([{ a: null }]);
});
