import pg from "pg";
import { testDatabase } from "../test/support/database.ts";
import { each } from "./measure.ts";

const commitsOfARun = 5;
const connections = 16;

/** What PostgreSQL does by itself, for figures to stand beside ours. */
export interface BarePostgres {
  /** Sends notifications one after another, and gives how long each took to come back on another connection. */
  notify(times: number): Promise<number[]>;
  /** As many commits as a run has, each of one updated row, on as many connections as a server has: runs a second. */
  commit(ms: number): Promise<number>;
  close(): Promise<void>;
}

/** Opens it on a database of its own of the server at `serverUrl`. */
export async function openBarePostgres(serverUrl: string): Promise<BarePostgres> {
  const database = await testDatabase(serverUrl);
  const url = database.env.DATABASE_URL ?? "";
  const clients = await each(connections, connections, async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client;
  });
  const [speaker, hearer] = clients as [pg.Client, pg.Client];
  await speaker.query("create table bare (id int primary key, count int not null)");
  await speaker.query(`insert into bare select id, 0 from generate_series(1, ${connections}) as id`);
  await hearer.query("listen bare");

  return {
    async notify(times) {
      const took: number[] = [];
      for (let sent = 0; sent < times; sent++) {
        const heard = new Promise((resolve) => hearer.once("notification", resolve));
        const from = performance.now();
        await speaker.query("set synchronous_commit = off; select pg_notify('bare', 'hint'); reset synchronous_commit");
        await heard;
        took.push(performance.now() - from);
      }
      return took;
    },
    async commit(ms) {
      const from = performance.now();
      let commits = 0;
      const work = async (client: pg.Client, id: number) => {
        while (performance.now() - from < ms) {
          await client.query("begin");
          await client.query({ name: "count", text: "update bare set count = count + 1 where id = $1", values: [id] });
          await client.query("commit");
          commits += 1;
        }
      };
      await Promise.all(clients.map((client, index) => work(client, index + 1)));
      return (commits * 1000) / (performance.now() - from) / commitsOfARun;
    },
    async close() {
      for (const client of clients) await client.end();
      await database.remove();
    },
  };
}
