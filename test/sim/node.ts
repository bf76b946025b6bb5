import { builtInTools } from "../../src/agent/built-in-tools.ts";
import { subagents } from "../../src/agent/subagents.ts";
import { createWallet } from "../../src/payments/wallet.ts";
import { PaygentError } from "../../src/protocol/errors.ts";
import type { AgentModel } from "../../src/runtime/agent-model.ts";
import type { Bus, Signal } from "../../src/runtime/bus.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import type { Tool } from "../../src/runtime/tool.ts";
import { UserQuota } from "../../src/runtime/user-quota.ts";
import type { Wallet } from "../../src/runtime/wallet.ts";
import { Worker } from "../../src/runtime/worker.ts";
import type { Store } from "../../src/store/database.ts";
import { faultyStore } from "./faulty-store.ts";
import { network, payer, relayer, signatureOf, token } from "./model-chain.ts";
import { catalogue } from "./model-shop.ts";
import { rpcUrl } from "./network.ts";
import { type Actor, actAs, type VirtualTime } from "./virtual-time.ts";
import { isSigning } from "./watch.ts";
import type { World } from "./world.ts";

export const leaseMs = 6000;
const sweepMs = 3000;
/** The same for all, because making them takes longer than a simulation; none of them is asked for the balance. */
const tools: readonly Tool[] = builtInTools({ wallet: unused(), catalogue });

/** A server without its door: the real worker, runtime and wallet, on the simulation's store, chain and network. */
export class SimulatedNode implements Actor {
  readonly name: string;
  readonly id: string;
  readonly time: VirtualTime;
  readonly idRandom: (limit: number) => number;
  readonly #world: World;
  readonly #listeners: ((signal: Signal) => void)[] = [];
  readonly #worker: Worker;
  isAlive = true;
  isReady = false;
  stoppedUntil = 0;

  constructor(world: World, name: string) {
    this.name = name;
    this.#world = world;
    this.time = world.time;
    this.idRandom = world.idRandom;
    // Made as an actor, for its random parts.
    const { id, worker } = actAs(this, () => {
      const id = crypto.randomUUID();
      return { id, worker: this.#makeWorker(id) };
    });
    this.id = id;
    this.#worker = worker;
  }

  now(): number {
    return this.#world.wallClock();
  }

  fetch(url: string, init: RequestInit): Promise<Response> {
    return this.#world.network.fetch(url, init);
  }

  get runtime(): Runtime {
    return this.#worker.runtime;
  }

  /** Takes up work; a node that cannot is one that ended. */
  open(): void {
    actAs(this, () => {
      this.#worker.open().then(
        () => {
          this.isReady = true;
        },
        () => this.kill(),
      );
    });
  }

  /** Ends it as SIGKILL does: what it had in memory is gone. */
  kill(): void {
    this.isAlive = false;
    this.isReady = false;
  }

  /** Ends it as SIGTERM does. */
  drain(): void {
    this.isReady = false;
    void actAs(this, () => this.#worker.close()).finally(() => this.kill());
  }

  heed(signal: Signal): void {
    for (const listener of this.#listeners) listener(signal);
  }

  #makeWorker(nodeId: string): Worker {
    const world = this.#world;
    const store: Store = faultyStore(world.store, this, {
      random: world.random,
      weather: () => world.weather,
      committed: () => world.watch.committed(),
    });
    const wallet = watched(this, world);
    const model: AgentModel = world.model;
    return new Worker(
      {
        nodeId,
        store,
        wallet,
        clock: { now: () => this.now() },
        bus: this.#bus(),
        log: {
          info: () => undefined,
          warn: ({ err }: { err?: unknown }, message) => world.note(`${this.name} warns: ${message} (${err})`),
          error: ({ err }: { err?: unknown }, message) => {
            world.note(`${this.name} logs: ${message} (${err})`);
            if (err instanceof PaygentError && err.code === "unavailable") return;
            world.watch.fail(`${this.name} logged what nobody should see: ${message}: ${stackOf(err)}`);
          },
        },
        tools: new Map([...tools, ...world.tools].map((tool) => [tool.name, tool])),
        subagents: new Map(subagents.map((subagent) => [subagent.name, subagent])),
        web: world.network.web,
        modelFor: () => model,
        modelNameOf: () => model.name,
        userQuota: new UserQuota(0, systemClock),
        modelPriceOf: () => world.modelPrice,
      },
      { sweepMs, leaseMs, maxRuns: 3 },
    );
  }

  #bus(): Bus {
    const world = this.#world;
    return {
      publish: (_sessionId, events) => world.watch.published(events),
      publishDelta: () => undefined,
      subscribe: () => () => undefined,
      signal: (signal) => world.signal(this, signal),
      onSignal: (listener) => void this.#listeners.push(listener),
      isConnected: () => true,
      close: async () => undefined,
    };
  }
}

function unused(): Wallet {
  return new Proxy({} as Wallet, {
    get: () => () => Promise.reject(new Error("The tools of a simulation have no wallet of their own.")),
  });
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The real wallet, with a key of which every use is seen. */
function watched(node: SimulatedNode, world: World): Wallet {
  const account = {
    address: payer,
    // As a key of this process it is believed; whether another signs right is for the tests of the signer.
    source: "privateKey",
    async signTypedData(asked: unknown) {
      // The wallet's signer asks for these two and nothing else.
      const { primaryType, message } = asked as { primaryType: string; message: never };
      const kind = primaryType === "TransferWithAuthorization" ? "transfer" : "cancel";
      const what = Object.assign({ kind }, message) as unknown as Parameters<typeof signatureOf>[0];
      if (what.kind === "transfer") await world.watch.signs(node, what);
      return signatureOf(what);
    },
  };
  const wallet = createWallet({
    // Generic over what is signed, of which the wallet only ever uses two kinds.
    account: account as unknown as Parameters<typeof createWallet>[0]["account"],
    nonceSecret: new Uint8Array(32),
    rpcUrl,
    network,
    token,
    relayer,
    allowUrl: (url) => url.host === "shop.test",
    clock: { now: () => node.now() },
    pollingMs: 1000,
    ...world.chainSettings,
  });
  return {
    ...wallet,
    sign: (terms, intent, ...rest) => isSigning.run({ terms, intent }, () => wallet.sign(terms, intent, ...rest)),
  };
}
