import type { Command } from "commander";
import { exitCodes } from "./exit-codes.ts";
import { LiveView } from "./live-view.ts";
import { clientOf, countOption, type Env, type ServerOptions, withServerOptions } from "./server-access.ts";
import type { Terminal } from "./terminal.ts";

interface WatchOptions extends ServerOptions {
  readonly fromSeq?: number;
}

export function addWatch(program: Command, env: Env, terminal: Terminal, exit: (code: number) => void): void {
  withServerOptions(program.command("watch"))
    .description("show a session's events as they happen, until Ctrl-C")
    .argument("<session>", "the session's id")
    .option("--from-seq <seq>", "begin with this event; 1 for the whole history (default: from now on)", countOption)
    .action(async (sessionId: string, options: WatchOptions) => exit(await watch(sessionId, options, env, terminal)));
}

async function watch(sessionId: string, options: WatchOptions, env: Env, terminal: Terminal): Promise<number> {
  const isJson = options.json === true || !terminal.isInteractive;
  const client = clientOf(options, env);
  const session = await client.sessions.get(sessionId);
  const lastSeq = options.fromSeq === undefined ? session.last_seq : Math.max(0, options.fromSeq - 1);
  const connection = client.connect(session.id, { lastSeq });
  const stopListening = terminal.onInterrupt(() => connection.close());
  connection.on("status", (status) => {
    if (status.state === "reconnecting" && status.attempt === 1) terminal.note("Connection lost; trying again …");
  });
  const view = new LiveView(terminal, { isJson, hasTime: true });
  try {
    for await (const event of connection.events()) {
      if (event.seq !== undefined || event.type === "text_delta" || event.type === "resync") view.show(event);
    }
    return exitCodes.interrupted;
  } finally {
    stopListening();
    connection.close();
  }
}
