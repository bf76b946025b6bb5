import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A program of this folder in a process of its own, which has said where it listens. */
export interface OtherProcess {
  readonly url: string;
  readonly pid: number;
  kill(): Promise<void>;
}

/** Starts `<name>.ts`, which sends `{ url }` once it listens; whoever asks for it ends it. */
export async function startOtherProcess(name: string, env: Readonly<Record<string, string>>): Promise<OtherProcess> {
  const child = fork(fileURLToPath(new URL(`./${name}.ts`, import.meta.url)), {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const said = await Promise.race([once(child, "message"), ended.then(() => undefined)]);
  if (said === undefined) throw new Error(`${name} ended while it was starting.`);
  // The programs of this folder send this and nothing else.
  const [{ url }] = said as [{ url: string }];
  return {
    url,
    pid: child.pid ?? 0,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
