import { PaygentError } from "../../src/protocol/errors.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { SessionConfigPatch } from "../../src/protocol/request-bodies.ts";
import { SessionConfig } from "../../src/protocol/session-config.ts";
import type { Caller } from "../../src/runtime/access.ts";
import { approve } from "../../src/runtime/approve.ts";
import { cancel } from "../../src/runtime/cancel.ts";
import { configure } from "../../src/runtime/configure.ts";
import { edit } from "../../src/runtime/edit.ts";
import { execute } from "../../src/runtime/execute.ts";
import { freeze, unfreeze } from "../../src/runtime/freeze.ts";
import { reject } from "../../src/runtime/reject.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { genesisHash } from "../../src/store/event-log.ts";
import { insertSession } from "../../src/store/sessions.ts";
import { actAs } from "./virtual-time.ts";
import type { World } from "./world.ts";

const alice: Caller = { userId: "alice", scopes: new Set(["execute", "approve", "read", "admin"]) };
const address = `0x${"d1".repeat(20)}`;
const giveUpMs = 5000;

/** One step of a command: what the model asks for at once. */
const steps: readonly string[] = [
  'pay_service {"service":"data"}',
  'pay_service {"service":"data","max_amount":"0.15"}',
  'pay_service {"service":"news"}',
  'pay_service {"service":"report"}',
  'pay_service {"service":"castle"}',
  'pay_service {"service":"free"}',
  `transfer {"to":"${address}","amount":"0.50","currency":"USDC"}`,
  `transfer {"to":"${address}","amount":"3.00","currency":"USDC"}`,
  'fetch_url {"url":"http://shop.test/page"}',
  'fetch_url {"url":"http://shop.test/post","method":"POST","body":"x"}',
  'append {"line":"x"}',
  'ask_user {"question":"Really?"}',
  'delegate {"agent":"payer","task":"pay_service {\\"service\\":\\"data\\"}"}',
  'delegate {"agent":"payer","task":"pay_service {\\"service\\":\\"news\\"}"}',
  'pay_service {"service":"data"} && append {"line":"y"}',
  'pay_service {"service":"news"} && pay_service {"service":"data"}',
];

interface Command {
  readonly id: string;
  readonly sessionId: string;
  readonly text: string;
  readonly limit: string | undefined;
  isTaken: boolean;
}

/** People who give commands, decide, change their minds, and ask again when they hear nothing. */
export class Users {
  readonly #world: World;
  readonly #sessions: string[] = [];
  readonly commands: Command[] = [];
  readonly #pending = new Map<string, { toolName: string; args: Readonly<Record<string, unknown>> }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Makes sessions and draws what is going to be asked of them. */
  async begin(): Promise<void> {
    const { random, store, watch, time } = this.#world;
    for (let count = 1 + random(2); count > 0; count--) {
      const id = this.#world.newId();
      const config = SessionConfig.parse({
        budget_usd: this.#pick(["0.25", "4", "20", "20"]),
        daily_budget_usd: this.#pick(["3", "30", "30"]),
        payee_budgets_usd: this.#pick([{}, {}, {}, { data: "0.15" }, { [address]: "3.20" }]),
        approval_threshold_usd: "1",
        max_payment_usd: "30",
        max_first_payment_usd: this.#pick(["1", "0.10"]),
        approval_timeout_s: this.#pick([1, 60, 3600]),
        execution_timeout_s: this.#pick([5, 300]),
        tools: { append: this.#pick(["allow", "ask"]) },
      });
      await store.write((tx) =>
        insertSession(tx, {
          id,
          userId: alice.userId,
          title: undefined,
          config,
          headHash: genesisHash(id),
          at: this.#world.isoNow(),
        }),
      );
      watch.addSession(id);
      this.#sessions.push(id);
    }
    for (let count = 1 + random(3); count > 0; count--) {
      const step = this.#pick(steps);
      // Asking for the same again is where it would be paid twice.
      const text = this.#pick([step, `${step} ; ${step}`, `${step} ; ${this.#pick(steps)}`]);
      const limit = this.#pick([undefined, undefined, undefined, "0.15", "2.05"]);
      const command = { id: this.#world.newId(), sessionId: this.#pick(this.#sessions), text, limit, isTaken: false };
      this.commands.push(command);
      time.schedule(random(300), undefined, () => void this.#give(command));
    }
    if (random(4) === 0) time.schedule(random(400), undefined, () => void this.#freeze());
    if (random(4) === 0) time.schedule(random(400), undefined, () => void this.#changeBudget());
  }

  #pick<T>(choices: readonly T[]): T {
    return this.#world.pick(choices);
  }

  /** Is told what everybody who watches is told. */
  hear(event: ServerEvent): void {
    const { random, time, weather } = this.#world;
    if (event.type === "approval_required") {
      const { request_id, tool_name, tool_args } = event.data;
      this.#pending.set(request_id, { toolName: tool_name, args: tool_args });
      // Sometimes nobody decides, sometimes several do.
      for (let count = random(4); count > 0; count--)
        time.schedule(random(250), undefined, () => void this.#decide(request_id));
    }
    if ("execution_id" in event.data && random(1000) < weather.cancels) {
      const executionId = String(event.data.execution_id);
      time.schedule(random(5), undefined, () => void this.#cancel(executionId));
    }
  }

  /** Gives what was not taken yet once more, and decides what waits. */
  async insist(): Promise<void> {
    for (const command of this.commands) if (!command.isTaken) void this.#give(command);
    for (const requestId of this.#pending.keys()) void this.#decide(requestId);
  }

  async #give(command: Command): Promise<void> {
    const { id, sessionId, text, limit } = command;
    const input = { execution_id: id, command: text, ...(limit === undefined ? {} : { budget_limit_usd: limit }) };
    // It carries an id, so that giving it again is giving it once.
    const end = await this.#ask(`execute ${text}`, (runtime) => execute(runtime, alice, { sessionId, input }));
    if (end === "lost") this.#world.time.schedule(100, undefined, () => void this.#give(command));
    else command.isTaken = true;
  }

  async #decide(request_id: string): Promise<void> {
    const pending = this.#pending.get(request_id);
    if (pending === undefined) return;
    const kind = this.#world.random(10);
    const name = this.#world.nameOf(request_id);
    if (kind < 5) await this.#ask(`approve ${name}`, (runtime) => approve(runtime, alice, { input: { request_id } }));
    else if (kind < 7)
      await this.#ask(`reject ${name}`, (runtime) => reject(runtime, alice, { input: { request_id } }));
    else if (kind < 8 && pending.toolName === "pay_service") {
      const remember = { tool_name: "pay_service", max_amount: "2", total: "3" };
      await this.#ask(`approve ${name} and those like it`, (runtime) =>
        approve(runtime, alice, { input: { request_id, remember } }),
      );
    } else {
      const edited_args = this.#edited(pending);
      await this.#ask(`edit ${name} to ${JSON.stringify(edited_args)}`, (runtime) =>
        edit(runtime, alice, { input: { request_id, edited_args } }),
      );
    }
  }

  #edited({ toolName, args }: { toolName: string; args: Readonly<Record<string, unknown>> }): Record<string, unknown> {
    if (toolName === "pay_service") return { ...args, service: this.#pick(["data", "news", "report", "castle"]) };
    if (toolName === "transfer") return { ...args, amount: this.#pick(["0.01", "2.50", "30.01"]) };
    if (toolName === "ask_user") return { ...args, answer: "no" };
    return { ...args };
  }

  async #cancel(execution_id: string): Promise<void> {
    const end = await this.#ask(`cancel ${this.#world.nameOf(execution_id)}`, (runtime) =>
      cancel(runtime, alice, { input: { execution_id } }),
    );
    if (end === "done") this.#world.watch.cancelled(execution_id);
    if (end === "lost") this.#world.time.schedule(50, undefined, () => void this.#cancel(execution_id));
  }

  async #freeze(): Promise<void> {
    const { watch, time, random } = this.#world;
    const session_id = this.#pick(this.#sessions);
    const target = this.#pick([
      { scope: "session" as const, session_id },
      { scope: "user" as const },
      { scope: "all" as const },
    ]);
    const key = target.scope === "session" ? session_id : target.scope;
    const end = await this.#ask(`freeze ${target.scope}`, (runtime) => freeze(runtime, alice, target));
    if (end === "done") watch.freeze(key);
    const lift = async (): Promise<void> => {
      watch.unfreeze(key);
      const end = await this.#ask(`unfreeze ${target.scope}`, (runtime) => unfreeze(runtime, alice, target));
      if (end === "lost") time.schedule(100, undefined, () => void lift());
    };
    time.schedule(random(400), undefined, () => void lift());
  }

  async #changeBudget(): Promise<void> {
    const sessionId = this.#pick(this.#sessions);
    const config: SessionConfigPatch = {
      budget_usd: this.#pick(["0", "1", "5", "50"]),
      daily_budget_usd: this.#pick(["1", "40"]),
    };
    await this.#ask(`set the budget to ${config.budget_usd}`, (runtime) =>
      configure(runtime, alice, { sessionId, config }),
    );
  }

  /** Asks one of the nodes. `lost` is everything after which one does not know: no answer, or that it is unavailable. */
  #ask(what: string, command: (runtime: Runtime) => Promise<unknown>): Promise<"done" | "refused" | "lost"> {
    const { time, nodes, note, watch } = this.#world;
    const ready = nodes.filter((node) => node.isReady);
    if (ready.length === 0) return Promise.resolve("lost");
    const node = this.#pick(ready);
    note(`alice asks ${node.name}: ${what}`);
    return new Promise((resolve) => {
      time.schedule(giveUpMs, undefined, () => resolve("lost"));
      const end = (how: "done" | "refused" | "lost", why = "") => {
        note(`${node.name} answers ${what}: ${how} ${why}`);
        // The answer goes to somebody who lives on when the node dies.
        time.schedule(0, undefined, () => resolve(how));
      };
      actAs(node, () => command(node.runtime)).then(
        () => end("done"),
        (error: unknown) => {
          if (!(error instanceof PaygentError))
            watch.fail(`${what} failed inside: ${error instanceof Error ? error.stack : error}`);
          end(error instanceof PaygentError && error.code === "unavailable" ? "lost" : "refused", String(error));
        },
      );
    });
  }
}
