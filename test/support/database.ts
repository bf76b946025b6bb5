import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";

/** Where a test's server keeps its state: a fresh folder, and a fresh database when the suite runs on PostgreSQL. */
export interface TestDatabase {
  readonly dataDir: string;
  /** What a server needs in its environment to use it. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

export async function testDatabase(serverUrl = process.env.DATABASE_URL ?? ""): Promise<TestDatabase> {
  const dataDir = mkdtempSync(join(tmpdir(), "paygent-test-"));
  const removeFolder = () => rmSync(dataDir, { recursive: true, force: true });
  if (serverUrl === "") {
    return { dataDir, env: {}, remove: async () => removeFolder() };
  }
  const name = `paygent_test_${randomUUID().replaceAll("-", "")}`;
  await administer(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    dataDir,
    env: { DATABASE_URL: url.href },
    async remove() {
      await administer(serverUrl, `drop database if exists ${name} with (force)`);
      removeFolder();
    },
  };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
