import type { Command } from "commander";
import type { Connection, ExecutionEnd, PaygentClient, RunningExecution } from "../client/index.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { ApprovalRequired } from "../protocol/events.ts";
import type { Session } from "../protocol/resources.ts";
import { decideAtTerminal, isCovered } from "./decisions.ts";
import { exitCodes } from "./exit-codes.ts";
import { LiveView } from "./live-view.ts";
import { plainText } from "./plain-text.ts";
import { clientOf, type Env, type ServerOptions, usdOption, withServerOptions } from "./server-access.ts";
import type { Terminal } from "./terminal.ts";

interface RunOptions extends ServerOptions {
  readonly session?: string;
  readonly budget?: string;
  readonly approveUpTo?: string;
  readonly wait?: boolean;
}

export function addRun(program: Command, env: Env, terminal: Terminal, exit: (code: number) => void): void {
  withServerOptions(program.command("run"))
    .description("give the agent a command and watch it work")
    .argument("<command>", 'what to do, e.g. "pay 0.10 USDC to market-data"')
    .option("-s, --session <id>", "the session to work in (default: a new one)")
    .option("--budget <usd>", "what this command may spend", usdOption)
    .option("--approve-up-to <usd>", "approve payments up to this amount each without asking", usdOption)
    .option("--wait", "without a terminal: wait until somebody else decides, instead of ending with code 3")
    .action(async (command: string, options: RunOptions) => exit(await run(command, options, env, terminal)));
}

async function run(command: string, options: RunOptions, env: Env, terminal: Terminal): Promise<number> {
  const client = clientOf(options, env);
  const session = await sessionFor(client, command, options.session);
  // From the session's last event on, so that nothing is missed between this request and the socket.
  return follow(client.connect(session.id, { lastSeq: session.last_seq }), command, options, terminal);
}

function sessionFor(client: PaygentClient, command: string, id: string | undefined): Promise<Session> {
  if (id !== undefined) return client.sessions.get(id);
  return client.sessions.create({ title: [...command.trim()].slice(0, 100).join("") || "run" });
}

async function follow(
  connection: Connection,
  command: string,
  options: RunOptions,
  terminal: Terminal,
): Promise<number> {
  const isJson = options.json === true || !terminal.isInteractive;
  const view = new LiveView(terminal, { isJson });
  const stopped = Promise.withResolvers<number>();
  const execution = connection.execute(
    command,
    options.budget === undefined ? {} : { budget_limit_usd: options.budget },
  );
  const onInterrupt = interruptions(execution, connection.sessionId, terminal, stopped.resolve);
  const stopListening = terminal.onInterrupt(onInterrupt);
  const ended = new AbortController();
  if (!isJson) terminal.note(terminal.colors.dim(`session ${connection.sessionId}`));

  connection.on("status", (status) => {
    if (status.state === "reconnecting" && status.attempt === 1) terminal.note("Connection lost; trying again …");
  });
  let decisions: Promise<void> = Promise.resolve();
  connection.on("event", (event) => {
    if (!("execution_id" in event.data) || event.data.execution_id !== execution.id) return;
    // A question that is about to stand on the screen is not printed above it as well.
    const isAsked = event.type === "approval_required" && !isJson && !isCovered(event.data, options.approveUpTo);
    if (!isAsked) view.show(event);
    if (event.type !== "approval_required") return;
    const request = event.data;
    const desk = { connection, terminal, view, onInterrupt };
    decisions = decisions
      .then(() => decide(request))
      .catch((error) => {
        if (!ended.signal.aborted) terminal.note(plainText(error instanceof Error ? error.message : String(error)));
      });

    async function decide(request: ApprovalRequired): Promise<void> {
      if (isCovered(request, options.approveUpTo)) await connection.approve(request.request_id);
      else if (!isJson) await decideAtTerminal(request, desk, ended.signal);
      else if (!options.wait) {
        terminal.note(
          `An approval is needed: paygent approvals approve ${request.request_id} (or reject, edit). The execution waits for it.`,
        );
        stopped.resolve(exitCodes.approvalNeeded);
      }
    }
  });

  try {
    return await Promise.race([execution.result.then(endCode), stopped.promise]);
  } finally {
    ended.abort();
    stopListening();
    // Closed first: an unsent decision would otherwise keep the command waiting for a server that is away.
    connection.close();
    await decisions;
  }
}

function endCode(end: ExecutionEnd): number {
  if (end.type === "cancelled") return exitCodes.interrupted;
  return end.type === "complete" && end.data.success ? exitCodes.success : exitCodes.failed;
}

/** Ctrl-C cancels; a second one leaves the execution as it is and ends only this command. */
function interruptions(
  execution: RunningExecution,
  sessionId: string,
  terminal: Terminal,
  stop: (code: number) => void,
): () => void {
  let count = 0;
  return () => {
    count += 1;
    if (count > 1) {
      terminal.note(`Left as it is; see it with: paygent watch ${sessionId}`);
      stop(exitCodes.interrupted);
      return;
    }
    terminal.note("Cancelling; press Ctrl-C again to leave without waiting.");
    execution.cancel("Ctrl-C at the terminal").catch((error: unknown) => {
      const isExpected = count > 1 || (error instanceof PaygentError && error.code === "execution_ended");
      if (!isExpected) terminal.note(plainText(error instanceof Error ? error.message : String(error)));
    });
  };
}
