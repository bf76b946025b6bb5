import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, connect as dial } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

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

/** A PostgreSQL of its own, which flushes every commit; its superuser needs no password. */
export async function startPostgres(folder: string): Promise<Service> {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql").sort() : [];
  const bin = versions.length > 0 ? `/usr/lib/postgresql/${versions.at(-1)}/bin` : undefined;
  if (bin === undefined) throw new Error("No PostgreSQL server is installed; install Debian's package postgresql.");
  // PostgreSQL refuses to run as root, so root runs it as its own user.
  const user = process.getuid?.() === 0 ? ids("postgres") : undefined;
  const data = mkdtempSync(join(folder, "postgres-"));
  if (user !== undefined) chownSync(data, user.uid, user.gid);
  execFileSync(`${bin}/initdb`, ["-D", data, "-U", "postgres", "-A", "trust"], { ...user, stdio: "ignore" });
  const port = await freePort();
  const settings = [`-p${port}`, `-k${data}`, "-clisten_addresses=127.0.0.1", "-cmax_connections=200"];
  let child: ChildProcess;
  const start = async () => {
    child = spawn(`${bin}/postgres`, ["-D", data, ...settings], { ...user, stdio: "ignore" });
    await untilAnswers(port);
  };
  const end = async (signal: NodeJS.Signals) => {
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async restart() {
      // An immediate shutdown: connections break at once, and the log is replayed at the next start.
      await end("SIGQUIT");
      await start();
    },
    async stop() {
      await end("SIGQUIT");
      rmSync(data, { recursive: true, force: true });
    },
  };
}

function ids(user: string): { uid: number; gid: number } {
  const id = (what: string) => Number(execFileSync("id", [what, user]).toString());
  return { uid: id("-u"), gid: id("-g") };
}

/** A NATS server of its own, or undefined where none is installed. */
export async function startNats(): Promise<Service | undefined> {
  const program = ["/usr/sbin/nats-server", "/usr/bin/nats-server"].find((path) => existsSync(path));
  if (program === undefined) return undefined;
  const port = await freePort();
  let child: ChildProcess;
  const start = async () => {
    child = spawn(program, ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
    await untilAnswers(port);
  };
  const kill = async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    async restart() {
      await kill();
      await start();
    },
    stop: kill,
  };
}

export function makeFolder(): string {
  const folder = mkdtempSync("/tmp/paygent-chaos-");
  mkdirSync(join(folder, "shared"));
  // Another user's PostgreSQL must get to its own folder below.
  execFileSync("chmod", ["755", folder]);
  return folder;
}
