import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

// Waits until the server at DATABASE_URL answers, for as many seconds as the first argument says.
const deadline = Date.now() + Number(process.argv[2] ?? 10) * 1000;
for (;;) {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 2000 });
  try {
    await client.connect();
    await client.query("select 1");
    await client.end();
    break;
  } catch (error) {
    if (Date.now() > deadline) {
      process.stderr.write(`PostgreSQL does not answer: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    }
    await delay(200);
  }
}
