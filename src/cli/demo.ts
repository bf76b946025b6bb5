import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { type Connection, createClient, type ExecutionEnd } from "../client/index.ts";
import { type DemoServer, startDemoServer } from "./demo-server.ts";
import { exitCodes } from "./exit-codes.ts";
import { freePort } from "./free-port.ts";
import { LiveView } from "./live-view.ts";
import { jsonLine } from "./plain-text.ts";
import { fields } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** What chain, ledger and event log of one data folder say, each read from its own place. Decimal strings in USD. */
export interface Evidence {
  readonly chain: { readonly transfers: number; readonly sent: string; readonly tx_hashes: readonly string[] };
  readonly ledger: { readonly payments: number; readonly settled: string; readonly reserved: string };
  readonly log: { readonly told: string; readonly events: number; readonly is_intact: boolean };
  readonly open_executions: number;
}

export interface DemoParts {
  /** The file that a server process is started from. */
  readonly programPath: string;
  /** Reads the evidence while a server runs on the folder, or after it was killed. */
  readEvidence(dataDir: string): Promise<Evidence>;
  /** Resolves as soon as the folder's chain has moved money. */
  untilMoneyMoved(dataDir: string, signal: AbortSignal): Promise<void>;
  /** Ends the chain that outlived its server. */
  endChain(dataDir: string): Promise<void>;
}

interface DemoOptions {
  readonly crash?: boolean;
  readonly json?: boolean;
}

const command = "pay 25 USDC to premium-report";
const amount = "25.00";
const timeLimitMs = 120_000;

export function addDemo(program: Command, parts: DemoParts, terminal: Terminal, exit: (code: number) => void): void {
  program
    .command("demo")
    .description("pay once in a folder of its own, on a chain of its own, and show the evidence")
    .option("--crash", "kill the server in the middle of the payment and start it again")
    .option("--json", "print JSON for programs")
    .action(async (options: DemoOptions) => exit(await runDemo(options, parts, terminal)));
}

async function runDemo(options: DemoOptions, parts: DemoParts, terminal: Terminal): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), "paygent-demo-"));
  const demo = new Demo(parts, dataDir, new Screen(terminal, options.json === true));
  const stopped = Promise.withResolvers<never>();
  const stopListening = terminal.onInterrupt(() => stopped.reject(new Error("Stopped; nothing is left behind.")));
  const timer = setTimeout(
    () => stopped.reject(new Error(`The demo did not end within ${timeLimitMs / 1000} seconds; try it again.`)),
    timeLimitMs,
  );
  try {
    return await Promise.race([demo.run(options.crash === true), stopped.promise]);
  } finally {
    clearTimeout(timer);
    stopListening();
    await demo.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Says what happens: sentences and events for people, a JSON object a line for programs. */
class Screen {
  readonly #terminal: Terminal;
  readonly #isJson: boolean;
  readonly #view: LiveView;

  constructor(terminal: Terminal, isJson: boolean) {
    this.#terminal = terminal;
    this.#isJson = isJson;
    this.#view = new LiveView(terminal, { isJson });
  }

  say(step: string, sentence: string, facts: Readonly<Record<string, unknown>> = {}): void {
    if (this.#isJson) this.#terminal.print(jsonLine({ demo: step, ...facts }));
    else this.#terminal.print(`\n${this.#terminal.colors.bold(sentence)}`);
  }

  follow(connection: Connection): void {
    connection.on("event", (event) => {
      if (event.seq !== undefined) this.#view.show(event);
    });
  }

  showFacts(pairs: readonly (readonly [string, string])[]): void {
    if (this.#isJson) return;
    for (const line of fields(pairs, this.#terminal.colors)) this.#terminal.print(`  ${line}`);
  }

  verdict(isPaidOnce: boolean, sentence: string, evidence: Evidence): void {
    const { colors } = this.#terminal;
    if (this.#isJson) this.#terminal.print(jsonLine({ demo: "verdict", paid_once: isPaidOnce, evidence }));
    else this.#terminal.print(`\n${isPaidOnce ? colors.green("✓") : colors.red("✗")} ${sentence}`);
  }
}

/** One run of the demo: what it started ends with it, whatever happened. */
class Demo {
  readonly #parts: DemoParts;
  readonly #dataDir: string;
  readonly #screen: Screen;
  readonly #over = new AbortController();
  #server: DemoServer | undefined;
  #connection: Connection | undefined;

  constructor(parts: DemoParts, dataDir: string, screen: Screen) {
    this.#parts = parts;
    this.#dataDir = dataDir;
    this.#screen = screen;
  }

  async run(isCrashing: boolean): Promise<number> {
    // Kept over the restart, so that the client finds the server again.
    const port = await freePort();
    const first = await this.#start(port);
    this.#screen.say(
      "started",
      `A server (process ${first.pid}) runs in a new folder, with 100 USDC on a chain of its own.`,
      { pid: first.pid, url: first.url, data_dir: this.#dataDir },
    );
    const { end, approve } = await this.#giveCommand(first);
    // Loads what looks at chain and store, so that the look is quick when it matters.
    await this.#parts.readEvidence(this.#dataDir);
    const moved = this.#parts.untilMoneyMoved(this.#dataDir, this.#over.signal);
    approve();
    if (isCrashing) await this.#crash(moved, port);
    return await this.#judge(await end);
  }

  async #start(port: number): Promise<DemoServer> {
    this.#server = await startDemoServer(this.#parts.programPath, this.#dataDir, port);
    return this.#server;
  }

  /** Gives the command, and resolves when the agent asks whether it may pay. */
  async #giveCommand({ url }: DemoServer): Promise<{ end: Promise<ExecutionEnd>; approve: () => void }> {
    const token = () => readFileSync(join(this.#dataDir, "access-token"), "utf8").trim();
    const client = createClient({ url, token, reconnect: { baseMs: 100, maxMs: 500 } });
    const session = await client.sessions.create({ title: "demo" });
    const connection = client.connect(session.id, { lastSeq: 0 });
    this.#connection = connection;
    this.#screen.say("command", `The agent is told: ${command}`, { command });
    this.#screen.follow(connection);
    const asked = Promise.withResolvers<string>();
    connection.on("approval_required", ({ data }) => asked.resolve(data.request_id));
    const end = connection.execute(command).result;
    end.then(() => asked.reject(new Error("The payment was not asked about.")), asked.reject);
    const request_id = await asked.promise;
    const approve = () => {
      const sentence = "It asks, because 25 USD is above the threshold. You would decide; the demo approves.";
      this.#screen.say("approve", sentence, { request_id });
      // Sent again by the client when the server is back, if it was lost; a second one is refused.
      connection.approve(request_id).catch(() => undefined);
    };
    return { end, approve };
  }

  async #crash(moved: Promise<void>, port: number): Promise<void> {
    await moved;
    await this.#server?.kill();
    const { chain, ledger } = await this.#parts.readEvidence(this.#dataDir);
    this.#screen.say("killed", "The money has left, and the server is killed (SIGKILL) in the same moment.", {
      chain,
      ledger,
    });
    this.#screen.showFacts([
      ["chain", `${chain.sent} USDC sent`],
      ["ledger", `${ledger.settled} USD settled, ${ledger.reserved} USD reserved`],
    ]);
    this.#screen.say("restarting", "The server is started again. It asks the chain before it does anything.");
    const { pid } = await this.#start(port);
    this.#screen.say("restarted", `It is back (process ${pid}); the client has connected itself again.`, { pid });
  }

  async #judge(end: ExecutionEnd): Promise<number> {
    const evidence = await this.#parts.readEvidence(this.#dataDir);
    const { chain, ledger, log } = evidence;
    const isPaidOnce =
      end.type === "complete" &&
      end.data.success &&
      chain.transfers === 1 &&
      ledger.payments === 1 &&
      [chain.sent, ledger.settled, log.told].every((sum) => sum === amount) &&
      ledger.reserved === "0.00" &&
      evidence.open_executions === 0 &&
      log.is_intact;
    this.#screen.say("evidence", "The evidence, each read from its own place:", { evidence });
    this.#screen.showFacts([
      ["chain", `${chain.transfers} transfer, ${chain.sent} USDC (${chain.tx_hashes.join(", ")})`],
      ["ledger", `${ledger.payments} payment, ${ledger.settled} USD settled, ${ledger.reserved} USD reserved`],
      ["event log", `${log.told} USD told in ${log.events} events; hash chain ${log.is_intact ? "intact" : "BROKEN"}`],
    ]);
    const sentence = isPaidOnce
      ? "Paid once: chain, ledger and event log agree."
      : "They do not agree. Please report this with the output above.";
    this.#screen.verdict(isPaidOnce, sentence, evidence);
    return isPaidOnce ? exitCodes.success : exitCodes.failed;
  }

  async close(): Promise<void> {
    this.#over.abort();
    this.#connection?.close();
    await this.#server?.stop();
    await this.#parts.endChain(this.#dataDir);
  }
}
