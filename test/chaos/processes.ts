import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, connect as dial } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/** A server that the run started for itself, on loopback. */
export interface Service {
  readonly url: string;
  /** Ends it the hard way and starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = Object(server.address());
  server.close();
  await once(server, "close");
  return port;
}

async function untilAnswers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = dial(port, "127.0.0.1");
    const isThere = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isThere) return;
    await delay(50);
  }
  throw new Error(`Nothing answers on port ${port}.`);
}

/** Resolves when the server takes queries: it answers a little earlier, while it replays its log. */
async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await delay(50);
    }
  }
  throw new Error(`PostgreSQL does not take queries at ${url}.`);
}

/** A PostgreSQL server that can be down for a while. */
export interface PostgresServer extends Service {
  /** Where its data lie. */
  readonly data: string;
  /** The folder of Debian's programs that it is one of. */
  readonly bin: string;
  down(): Promise<void>;
  up(): Promise<void>;
}

/** Where Debian keeps the programs of its newest PostgreSQL; undefined where none is installed. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql").sort() : [];
  return versions.map((version) => `/usr/lib/postgresql/${version}/bin`).findLast((bin) => existsSync(`${bin}/initdb`));
}

/** A PostgreSQL of its own, which flushes every commit; its superuser needs no password. */
export async function startPostgres(folder: string): Promise<PostgresServer> {
  const bin = postgresPrograms();
  if (bin === undefined) throw new Error("No PostgreSQL server is installed; install Debian's package postgresql.");
  // PostgreSQL refuses to run as root, so root runs it as its own user.
  const user = process.getuid?.() === 0 ? ids("postgres") : undefined;
  const data = mkdtempSync(join(folder, "postgres-"));
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  execFileSync(`${bin}/initdb`, ["-D", data, "-U", "postgres", "-A", "trust"], { ...user, stdio: "ignore" });
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const settings = [`-p${port}`, `-k${data}`, "-clisten_addresses=127.0.0.1", "-cmax_connections=200"];
  let child: ChildProcess;
  const start = async () => {
    child = spawn(`${bin}/postgres`, ["-D", data, ...settings], { ...user, stdio: "ignore" });
    await untilReady(url);
  };
  const end = async (signal: NodeJS.Signals) => {
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  };
  await start();
  // An immediate shutdown: connections break at once, and the log is replayed at the next start.
  const down = () => end("SIGQUIT");
  return {
    url,
    data,
    bin,
    down,
    up: start,
    async restart() {
      await down();
      await start();
    },
    async stop() {
      if (child.exitCode === null) await down();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function ids(user: string): { uid: number; gid: number } {
  const id = (what: string) => Number(execFileSync("id", [what, user]).toString());
  return { uid: id("-u"), gid: id("-g") };
}

/** A NATS server that can be down or silent for a while. */
export interface NatsServer extends Service, Pick<PostgresServer, "down" | "up"> {
  /** Lets it stand still, with its connections open. */
  pause(): void;
  resume(): void;
}

/** A NATS server of its own, with these arguments beside its address, or undefined where none is installed. */
export async function startNats(args: readonly string[] = []): Promise<NatsServer | undefined> {
  const program = ["/usr/sbin/nats-server", "/usr/bin/nats-server"].find((path) => existsSync(path));
  if (program === undefined) return undefined;
  const port = await freePort();
  let child: ChildProcess;
  const start = async () => {
    child = spawn(program, ["-a", "127.0.0.1", "-p", String(port), ...args], { stdio: "ignore" });
    await untilAnswers(port);
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    down: kill,
    up: start,
    pause: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
    async restart() {
      await kill();
      await start();
    },
    stop: kill,
  };
}

export function makeFolder(): string {
  const folder = mkdtempSync("/tmp/paygent-chaos-");
  // Another user's PostgreSQL must get to its own folder below.
  execFileSync("chmod", ["755", folder]);
  return folder;
}
