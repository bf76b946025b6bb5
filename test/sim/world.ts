import type { ServerEvent } from "../../src/protocol/events.ts";
import type { AgentModel } from "../../src/runtime/agent-model.ts";
import type { Signal } from "../../src/runtime/bus.ts";
import { isoTime } from "../../src/runtime/clock.ts";
import type { ModelPrice } from "../../src/runtime/model-price.ts";
import type { Tool } from "../../src/runtime/tool.ts";
import type { Store } from "../../src/store/database.ts";
import { removeAllNodes } from "../../src/store/nodes.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { writeTool } from "../support/test-tools.ts";
import { commandModel } from "./command-model.ts";
import { ModelChain } from "./model-chain.ts";
import { ModelShop } from "./model-shop.ts";
import { ModelNetwork } from "./network.ts";
import { leaseMs, SimulatedNode } from "./node.ts";
import { Users } from "./users.ts";
import { uuid, VirtualTime } from "./virtual-time.ts";
import { Watch } from "./watch.ts";
import { calm, drawWeather, type Weather } from "./weather.ts";

const beginning = Date.parse("2027-03-01T00:00:00.000Z");
const dayMs = 86_400_000;
const mostKills = 8;
/** Some cents for each step, so that it counts. */
const modelPrice: ModelPrice = {
  inputMicros: 100_000_000n,
  cachedInputMicros: 10_000_000n,
  outputMicros: 10_000_000n,
  maxOutputTokens: 1000,
};

/** Everything there is in one simulation. What happens in it follows from the seed and the sources alone. */
export class World {
  readonly random: (limit: number) => number;
  readonly idRandom: (limit: number) => number;
  readonly time: VirtualTime;
  readonly store: Store;
  readonly chain: ModelChain;
  readonly shop: ModelShop;
  readonly network: ModelNetwork;
  readonly watch: Watch;
  readonly users: Users;
  readonly model: AgentModel;
  readonly tools: readonly Tool[];
  readonly chainSettings: { final: "latest" | "finalized"; mineBlock?: () => Promise<unknown> };
  readonly modelPrice: ModelPrice | undefined;
  /** All that were started and not ended. */
  nodes: SimulatedNode[] = [];
  weather: Weather;
  readonly trace: string[] | undefined;
  readonly #howMany: number;
  readonly #names = new Map<string, string>();
  /** By how much the wall clock is wrong. */
  #clockErrorMs = 0;
  #started = 0;
  #kills = 0;

  constructor(seed: number, store: Store, options: { traced: boolean; settled?: (() => Promise<void>) | undefined }) {
    this.random = seededRandom(seed);
    this.idRandom = seededRandom(~seed);
    this.trace = options.traced ? [] : undefined;
    this.time = new VirtualTime(this.random, options.settled);
    this.store = store;
    this.weather = drawWeather(this.random);
    const isOnDemand = this.random(2) === 0;
    this.watch = new Watch({
      store,
      chain: () => this.chain,
      now: () => this.time.now,
      note: this.note,
      nameOf: this.nameOf,
      onEvent: (event: ServerEvent) => this.users.hear(event),
    });
    this.chain = new ModelChain({
      time: this.time,
      genesis: beginning / 1000,
      blockMs: isOnDemand ? undefined : 2000,
      finality: isOnDemand ? 0 : 3,
      onTransfer: (transfer) => this.watch.transferred(transfer),
    });
    this.chainSettings = isOnDemand
      ? { final: "latest", mineBlock: async () => this.chain.rpc("evm_mine", []) }
      : { final: "finalized" };
    const parts = { time: this.time, chain: this.chain, random: this.random, weather: () => this.weather };
    this.shop = new ModelShop(parts);
    this.network = new ModelNetwork({ ...parts, shop: this.shop, watch: this.watch });
    this.model = commandModel(this);
    this.modelPrice = this.random(4) === 0 ? modelPrice : undefined;
    this.tools = [
      writeTool("append", async (_args, { executionId, toolId }) => {
        await this.watch.runs(executionId, toolId);
        await new Promise((resolve) => setTimeout(resolve, this.random(20)));
        return "appended";
      }),
    ];
    this.users = new Users(this);
    this.#howMany = 1 + this.random(2);
  }

  wallClock(): number {
    return beginning + Math.floor(this.time.now) + this.#clockErrorMs;
  }

  isoNow(): string {
    return isoTime(this.wallClock());
  }

  readonly note = (line: string): void => {
    if (this.trace === undefined) return;
    const named = line.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, this.nameOf);
    this.trace.push(`${String(Math.floor(this.time.now)).padStart(8)} ${named}`);
  };

  /** Ids are long and random; a trace calls each by its number. */
  readonly nameOf = (id: string): string => {
    const name = this.#names.get(id) ?? `#${this.#names.size + 1}`;
    this.#names.set(id, name);
    return name;
  };

  pick<T>(choices: readonly T[]): T {
    // There is always one, of the type of the choices.
    return choices[this.random(choices.length)] as T;
  }

  newId(): string {
    return uuid(this.idRandom);
  }

  /** Carries a signal to the other nodes. */
  signal(from: SimulatedNode, signal: Signal): void {
    for (const node of this.nodes) {
      if (node === from || this.random(1000) < this.weather.signalLost) continue;
      this.time.schedule(this.random(10), node, () => node.heed(signal));
    }
  }

  async begin(): Promise<void> {
    await this.users.begin();
    for (let count = this.#howMany; count > 0; count--) await this.#start();
  }

  async #start(): Promise<void> {
    // A store for one process alone: whoever beat before is gone.
    if (this.#howMany === 1) await this.store.write(removeAllNodes);
    const node = new SimulatedNode(this, `node ${++this.#started}`);
    this.note(`${node.name} starts`);
    this.nodes.push(node);
    node.open();
  }

  /** Does what the weather does to nodes, after each step of the simulation. */
  async strike(): Promise<void> {
    const { kill, stop, drain, chainDown, clockJumps } = this.weather;
    if (this.#kills < mostKills && this.random(1000) < kill) this.#kill(this.pick(this.nodes));
    if (this.#kills < mostKills && this.random(1000) < drain) this.#drain(this.pick(this.nodes));
    if (this.random(1000) < stop) this.#stop(this.pick(this.nodes));
    if (this.random(1000) < chainDown) this.#silenceChain(this.random(20_000));
    if (this.random(1000) < clockJumps) this.#setClock(this.random(2 * dayMs) - dayMs);
    const gone = this.nodes.filter((node) => !node.isAlive);
    if (gone.length === 0) return;
    this.nodes = this.nodes.filter((node) => node.isAlive);
    for (const _ of gone) this.time.schedule(this.random(100), undefined, () => this.#start());
  }

  #kill(node: SimulatedNode | undefined): void {
    if (node === undefined) return;
    this.#kills += 1;
    this.note(`${node.name} is killed`);
    node.kill();
  }

  #drain(node: SimulatedNode | undefined): void {
    if (node?.isReady !== true) return;
    this.#kills += 1;
    this.note(`${node.name} is told to go down`);
    node.drain();
  }

  #stop(node: SimulatedNode | undefined): void {
    // Where it is alone nobody takes over from it, and a stop is only a long wait.
    if (node === undefined || this.#howMany === 1) return;
    this.note(`${node.name} stands still`);
    node.stoppedUntil = this.time.now + leaseMs + this.random(leaseMs);
  }

  #silenceChain(ms: number): void {
    this.note(`the chain answers nobody for ${ms} ms`);
    this.network.chainDownUntil = this.time.now + ms;
  }

  #setClock(errorMs: number): void {
    this.note(`the clock is set to be wrong by ${errorMs} ms`);
    this.#clockErrorMs = errorMs;
  }

  /** From here on nothing goes wrong any more, and everybody insists. */
  async clearUp(): Promise<void> {
    this.note("nothing goes wrong any more");
    this.weather = calm;
    this.#setClock(0);
    this.#silenceChain(0);
    for (const node of this.nodes) node.stoppedUntil = 0;
    await this.users.insist();
  }
}
