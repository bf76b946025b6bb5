import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { PaygentError } from "../protocol/errors.ts";
import { Health } from "../protocol/resources.ts";
import { isPortFree } from "./free-port.ts";
import { clientOf, dataDirOf, type Env, type ServerOptions, serverUrlOf, tokenFileOf } from "./server-access.ts";

/** What is found, and for anything but `ok` the way out. */
export interface Finding {
  readonly state: "ok" | "warn" | "fail";
  readonly text: string;
}

export interface Check {
  readonly name: string;
  check(): Finding | Promise<Finding>;
}

/** What the checks need of the server's own parts. */
export interface DoctorParts {
  /** Throws a sentence when the model setting is wrong. */
  checkModel(spec: string): void | Promise<void>;
  /** Says what the chain settings lead to, `undefined` for the local chain. Throws a sentence when they are wrong. */
  checkNetwork(env: Env): Promise<string | undefined>;
  /** What the wallet of the settings is ready for, `undefined` on the local chain. Throws like `checkNetwork`. */
  checkWallet(env: Env): Promise<Finding | undefined>;
}

export function doctorChecks(options: ServerOptions, env: Env, parts: DoctorParts): Check[] {
  return [
    { name: "node", check: () => nodeVersion(process.versions.node) },
    { name: "data", check: () => dataFolder(dataDirOf(env)) },
    { name: "database", check: () => database(env) },
    { name: "model", check: () => model(env.PAYGENT_MODEL || "rules", parts) },
    { name: "chain", check: () => chain(env, parts) },
    { name: "wallet", check: () => wallet(env, parts) },
    { name: "server", check: () => server(serverUrlOf(options, env)) },
    { name: "token", check: () => token(options, env) },
  ];
}

const ok = (text: string): Finding => ({ state: "ok", text });
const warn = (text: string): Finding => ({ state: "warn", text });
const fail = (text: string): Finding => ({ state: "fail", text });
const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error));

export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isEnough = major > 22 || (major === 22 && minor >= 18);
  return isEnough ? ok(version) : fail(`${version} is too old; install Node 22.18 or newer.`);
}

function dataFolder(dataDir: string): Finding {
  let folder = resolve(dataDir);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    return fail(`${folder} cannot be written to; change its owner, or set PAYGENT_DATA_DIR to another folder.`);
  }
  if (!statSync(folder).isDirectory()) return fail(`${folder} is a file; set PAYGENT_DATA_DIR to a folder.`);
  return ok(existsSync(dataDir) ? `${dataDir} is writable` : `${dataDir} does not exist yet; the first start makes it`);
}

async function database(env: Env): Promise<Finding> {
  if (env.DATABASE_URL) return postgres(env.DATABASE_URL);
  const file = join(dataDirOf(env), "paygent.db");
  if (!existsSync(file)) return ok("SQLite; made at the first start");
  try {
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(file, { readOnly: true });
    try {
      db.prepare("SELECT count(*) FROM sqlite_master").get();
    } finally {
      db.close();
    }
    return ok(`SQLite, ${file}`);
  } catch (error) {
    return fail(`${file} cannot be read (${sentence(error)}); restore it from a backup or move it away.`);
  }
}

async function postgres(connectionString: string): Promise<Finding> {
  const { Client } = (await import("pg")).default;
  const client = new Client({ connectionString, connectionTimeoutMillis: 5000 });
  // A connection that breaks later is the failing query's to report.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const answer = await client.query<{ server_version: string }>("SHOW server_version");
    return ok(`PostgreSQL ${answer.rows[0]?.server_version ?? ""}`.trimEnd());
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "no answer";
    return fail(`PostgreSQL cannot be used (${code}); check DATABASE_URL, or unset it to use SQLite.`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function model(spec: string, parts: DoctorParts): Promise<Finding> {
  try {
    await parts.checkModel(spec);
    return spec === "rules" ? ok("rules, a rule set that needs no key and is no language model") : ok(spec);
  } catch (error) {
    return fail(sentence(error));
  }
}

async function chain(env: Env, parts: DoctorParts): Promise<Finding> {
  try {
    const network = await parts.checkNetwork(env);
    if (network !== undefined) return ok(network);
  } catch (error) {
    return fail(sentence(error));
  }
  try {
    const program = createRequire(import.meta.url).resolve("@foundry-rs/anvil/bin.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [program, "--version"], { timeout: 15_000 });
    return ok(`local, ${stdout.split("\n")[0] ?? "anvil"}`);
  } catch (error) {
    return fail(
      `The local chain's program does not run (${sentence(error)}); run \`npm install\` without --omit=optional.`,
    );
  }
}

async function wallet(env: Env, parts: DoctorParts): Promise<Finding> {
  try {
    return (await parts.checkWallet(env)) ?? ok("the local chain's own, with play money");
  } catch (error) {
    return fail(sentence(error));
  }
}

async function server(url: string): Promise<Finding> {
  try {
    const response = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(3000), redirect: "error" });
    const health = Health.safeParse(await response.json().catch(() => undefined));
    if (health.success) return ok(`running at ${url}`);
  } catch {
    const { port, hostname } = new URL(url);
    if (await isPortFree(Number(port || 80), hostname.replace(/^\[|\]$/g, "")))
      return warn(`none at ${url}, and the port is free; start it with \`paygent start\``);
  }
  return fail(`Something else answers at ${url}; stop it, or choose another port with PORT or --port.`);
}

async function token(options: ServerOptions, env: Env): Promise<Finding> {
  const path = tokenFileOf(env);
  const isGiven = (options.token ?? env.PAYGENT_TOKEN ?? "") !== "";
  const state = isGiven ? undefined : statSync(path, { throwIfNoEntry: false });
  if (!isGiven && state === undefined) return warn(`${path} does not exist yet; the first start makes it`);
  if (state !== undefined && process.platform !== "win32" && (state.mode & 0o077) !== 0) {
    return fail(`${path} can be read by others; run: chmod 600 ${path}`);
  }
  const source = isGiven ? "the given token" : path;
  try {
    await clientOf(options, env).sessions.list({ limit: 1 });
    return ok(`${source} is accepted`);
  } catch (error) {
    if (!(error instanceof PaygentError)) throw error;
    if (error.code === "unavailable") return ok(`${source} (no server to try it on)`);
    return fail(`${source}: ${error.message}`);
  }
}
