import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import { pino } from "pino";
import { builtInTools } from "../agent/built-in-tools.ts";
import { resolveModel } from "../agent/providers.ts";
import { subagents } from "../agent/subagents.ts";
import { localBus } from "../cluster/local-bus.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { AgentModel } from "../runtime/agent-model.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import type { Tool } from "../runtime/tool.ts";
import type { Catalogue, Wallet } from "../runtime/wallet.ts";
import { Worker, type WorkerSettings } from "../runtime/worker.ts";
import { openStore, type Store } from "../store/database.ts";
import { removeAllNodes } from "../store/nodes.ts";
import { createApi } from "./api.ts";
import { createAuthenticator } from "./auth.ts";
import { buildHttp } from "./http/build.ts";
import { builtConsole, serveConsole } from "./http/console.ts";
import { createIdempotency } from "./idempotency.ts";
import { localToken } from "./local-token.ts";
import { readSettings, type Settings, type StartOptions } from "./settings.ts";
import { Sockets } from "./sockets.ts";
import { Watchers } from "./watchers.ts";

/** What an embedding program may bring instead of Paygent's own. */
export interface ServerParts {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly model?: AgentModel;
  /** Beside the built-in tools; one of the same name replaces it. */
  readonly tools?: readonly Tool[];
  /** Instead of the local chain and its merchant. */
  readonly world?: PaidWorld;
  readonly worker?: Partial<WorkerSettings>;
  readonly messagesPerSecond?: number;
  readonly maxSocketsPerUser?: number;
  readonly logger?: FastifyBaseLogger;
}

/** A wallet and what it can buy. */
export interface PaidWorld {
  readonly wallet: Wallet;
  readonly catalogue: Catalogue;
  /** `host:port` entries that tools may reach although they are not public. */
  readonly allowedHosts: readonly string[];
  close(): Promise<void>;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** The token of local mode; absent when tokens come from elsewhere. */
  readonly accessToken: string | undefined;
  /** Stops taking work, lets every run end at a step boundary, and closes the sockets with 1001. */
  close(): Promise<void>;
}

const workerDefaults: WorkerSettings = { sweepMs: 1000, leaseMs: 10_000 };

/**
 * Starts a server and gives it when it is ready. Rejects with a sentence that names what is wrong: a
 * setting, a data folder in use, a damaged or newer database, a port that is taken.
 */
export async function startServer(options: StartOptions = {}, parts: ServerParts = {}): Promise<RunningServer> {
  const { env = process.env, clock = systemClock } = parts;
  const settings = readSettings(options, env);
  const logger: FastifyBaseLogger = parts.logger ?? createLogger(settings.logLevel);
  const isLocalMode = settings.authSecret === undefined && settings.authJwksUrl === undefined;
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 });
  const accessToken = isLocalMode ? localToken(settings.dataDir) : undefined;
  const authenticator = createAuthenticator({
    ...(settings.authSecret === undefined ? {} : { secret: settings.authSecret }),
    ...(settings.authJwksUrl === undefined ? {} : { jwksUrl: settings.authJwksUrl }),
    ...(accessToken === undefined ? {} : { localToken: accessToken }),
    clock,
  });
  const models = modelsOf(settings, parts, env);

  const opened: { close(): Promise<unknown> }[] = [];
  const closeAll = async () => {
    for (const part of opened.reverse()) await part.close();
  };
  try {
    // The store first: its lock keeps a second server of the same folder away from the chain.
    const store = await openStore(
      settings.databaseUrl === undefined ? { dataDir: settings.dataDir } : { url: settings.databaseUrl },
    );
    opened.push(store);
    const world = parts.world ?? (await openLocalWorld(settings.dataDir, clock, logger));
    opened.push(world);
    const worker = await openWorker({ store, clock, logger, world, parts, models });

    const { runtime } = worker;
    const sockets: { closeSession(sessionId: string): void } = { closeSession: () => undefined };
    const onTerminated = (sessionId: string) => sockets.closeSession(sessionId);
    const api = createApi({ runtime, catalogue: world.catalogue, onTerminated });
    const http = buildHttp({
      api,
      authenticator,
      idempotency: createIdempotency(store, clock),
      clock,
      logger,
      allowedOrigins: settings.allowedOrigins,
    });
    serveConsole(http, builtConsole);
    opened.push(http);
    await listen(http, settings);
    const { port } = http.server.address() as AddressInfo;
    const door = new Sockets(http.server, {
      runtime,
      watchers: new Watchers(runtime.bus),
      messagesPerSecond: parts.messagesPerSecond ?? 100,
      maxSocketsPerUser: parts.maxSocketsPerUser ?? 1000,
      authenticator,
      api,
      allowedOrigins: [...settings.allowedOrigins, ...ownOrigins(settings.host, port)],
    });
    sockets.closeSession = (sessionId) => door.closeSession(sessionId);
    opened.push(worker, door);
    await worker.open();
    return { url: `http://${urlHost(settings.host)}:${port}`, port, accessToken, close: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function createLogger(level: string): FastifyBaseLogger {
  return pino({
    level,
    base: null,
    redact: ["*.authorization", "*.token", "*.header", "*.signature", "headers.authorization"],
  });
}

function modelsOf(settings: Settings, parts: ServerParts, env: NonNullable<ServerParts["env"]>) {
  const models = new Map<string, AgentModel>();
  const modelFor = (config: { model?: string | undefined }): AgentModel => {
    if (parts.model !== undefined) return parts.model;
    const spec = config.model ?? settings.model;
    try {
      const model = models.get(spec) ?? resolveModel(spec, env);
      models.set(spec, model);
      return model;
    } catch (error) {
      throw new PaygentError("model_failed", error instanceof Error ? error.message : String(error), { cause: error });
    }
  };
  modelFor({});
  const modelNameOf = (config: { model?: string | undefined }) => parts.model?.name ?? config.model ?? settings.model;
  return { modelFor, modelNameOf };
}

async function openLocalWorld(dataDir: string, clock: Clock, logger: FastifyBaseLogger): Promise<PaidWorld> {
  const { startLocalWorld } = await import("../payments/local-world.ts");
  const world = await startLocalWorld({ dataDir: join(dataDir, "chain"), clock });
  for (const notice of world.notices) logger.warn(notice);
  return {
    wallet: world.wallet,
    catalogue: world.catalogue,
    allowedHosts: [new URL(world.merchantOrigin).host],
    close: () => world.close(),
  };
}

async function openWorker(given: {
  store: Store;
  clock: Clock;
  logger: FastifyBaseLogger;
  world: PaidWorld;
  parts: ServerParts;
  models: ReturnType<typeof modelsOf>;
}): Promise<Worker> {
  const { store, clock, logger, world, parts, models } = given;
  // SQLite's lock says that this is the only node there is.
  if (store.dialect === "sqlite") await store.write(removeAllNodes);
  const tools = [...builtInTools(world), ...(parts.tools ?? [])];
  return new Worker(
    {
      store,
      clock,
      bus: localBus(),
      log: logger,
      nodeId: randomUUID(),
      tools: new Map(tools.map((tool) => [tool.name, tool])),
      subagents: new Map(subagents.map((subagent) => [subagent.name, subagent])),
      wallet: world.wallet,
      ...models,
    },
    { ...workerDefaults, ...parts.worker },
  );
}

async function listen(http: ReturnType<typeof buildHttp>, { host, port }: Settings): Promise<void> {
  try {
    await http.listen({ host, port });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
      throw new Error(`Port ${port} is taken. Stop what uses it, or set PORT to another one.`, { cause: error });
    }
    throw error;
  }
}

/** What browsers call the server's own pages. */
function ownOrigins(host: string, port: number): string[] {
  return [...new Set([host, "127.0.0.1", "localhost", "::1"])].map((name) => `http://${urlHost(name)}:${port}`);
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
