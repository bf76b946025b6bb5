import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import type { FastifyBaseLogger } from "fastify";
import { builtInTools } from "../agent/built-in-tools.ts";
import { resolveModel } from "../agent/providers.ts";
import { subagents } from "../agent/subagents.ts";
import { createUrlGuard } from "../agent/url-guard.ts";
import { guardedWeb } from "../agent/web.ts";
import { openBus } from "../cluster/open-bus.ts";
import { openClock } from "../cluster/open-clock.ts";
import { PaygentError } from "../protocol/errors.ts";
import type { AgentModel } from "../runtime/agent-model.ts";
import type { Bus } from "../runtime/bus.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Tool } from "../runtime/tool.ts";
import { UserQuota } from "../runtime/user-quota.ts";
import { Worker, type WorkerSettings } from "../runtime/worker.ts";
import { openStore, type Store } from "../store/database.ts";
import { removeAllNodes } from "../store/nodes.ts";
import { createApi } from "./api.ts";
import { createAuthenticator } from "./auth.ts";
import { joinOthers } from "./deployment.ts";
import { buildHttp } from "./http/build.ts";
import { builtConsole, serveConsole } from "./http/console.ts";
import { serveMetrics } from "./http/metrics.ts";
import { createIdempotency } from "./idempotency.ts";
import { openLimits } from "./limits.ts";
import { localToken } from "./local-token.ts";
import { createLogger, reliableLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { openRetention } from "./open-retention.ts";
import { openWorld, type PaidWorld, type WalletParts } from "./open-world.ts";
import { revocable } from "./revocable.ts";
import { RevocationWatch } from "./revocation-watch.ts";
import { readSettings, type Settings, type StartOptions } from "./settings.ts";
import { Sockets } from "./sockets.ts";
import { Watchers } from "./watchers.ts";

export type { PaidWorld };

/** What an embedding program may bring instead of Paygent's own. */
export interface ServerParts extends WalletParts {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly model?: AgentModel;
  /** Beside the built-in tools; one of the same name replaces it. */
  readonly tools?: readonly Tool[];
  /** Instead of the local chain and its merchant, or the network of the settings. */
  readonly world?: PaidWorld;
  readonly worker?: Partial<WorkerSettings>;
  /** How often events are looked for that no hint of another server told of. */
  readonly pollMs?: number;
  /** How often old events are looked for, where they are archived. */
  readonly archiveEveryMs?: number;
  readonly messagesPerSecond?: number;
  readonly maxSocketsPerUser?: number;
  readonly logger?: FastifyBaseLogger;
}

/** A server that takes connections, until it is closed. */
export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** The token of local mode; absent when tokens come from elsewhere. */
  readonly accessToken: string | undefined;
  /** Stops taking work, lets every run end at a step boundary, and closes the sockets with 1001. */
  close(): Promise<void>;
}

const sweepMs = 1000;

/**
 * Starts a server and gives it when it is ready. Rejects with a sentence that names what is wrong: a
 * setting, a data folder in use, a damaged or newer database, a port that is taken.
 */
export async function startServer(options: StartOptions = {}, parts: ServerParts = {}): Promise<RunningServer> {
  const { env = process.env } = parts;
  const settings = readSettings(options, env);
  const logger: FastifyBaseLogger = parts.logger ?? createLogger(settings.logLevel);
  const isLocalMode = settings.authSecret === undefined && settings.authJwksUrl === undefined;
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 });
  const accessToken = isLocalMode ? localToken(settings.dataDir) : undefined;
  const models = modelsOf(settings, parts, env);

  const opened: { close(): Promise<unknown> }[] = [];
  // What was opened last is closed first, each once, and one that fails keeps no other open.
  const closeAll = async () => {
    const failures: unknown[] = [];
    for (let part = opened.pop(); part !== undefined; part = opened.pop()) {
      await part.close().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, "Not everything could be closed.");
  };
  try {
    // The store first: SQLite's lock keeps a second server out of the folder.
    const store = await openStore(whereOf(settings, logger));
    opened.push(store);
    const clock = parts.clock ?? (await openClock(store, opened));
    const anyToken = createAuthenticator({
      ...(settings.authSecret === undefined ? {} : { secret: settings.authSecret }),
      ...(settings.authJwksUrl === undefined ? {} : { jwksUrl: settings.authJwksUrl }),
      ...(settings.authAudience === undefined ? {} : { audience: settings.authAudience }),
      ...(settings.authIssuer === undefined ? {} : { issuer: settings.authIssuer }),
      ...(accessToken === undefined ? {} : { localToken: accessToken }),
      ...(settings.maxTokenMs === undefined ? {} : { maxTokenMs: settings.maxTokenMs }),
      clock,
    });
    const authenticator = revocable(anyToken, store.db);
    const nodeId = randomUUID();
    const log = reliableLog(logger);
    const everyMs = parts.archiveEveryMs;
    const retention = await openRetention({ store, nodeId, clock, log, settings, everyMs });
    const bus = await openBus({ nodeId, store, ...settings, log: logger, pollMs: parts.pollMs });
    opened.push(bus);
    const world = parts.world ?? (await openWorld(settings, { parts, clock, logger }));
    opened.push(world);
    if (store.dialect === "postgres") await joinOthers({ store, nodeId, world, clock, settings });
    const worker = await openWorker({ nodeId, store, clock, bus, log, world, parts, models, settings });

    const { runtime } = worker;
    // The door is hung when the server listens.
    let door: Sockets | undefined;
    const onTerminated = (sessionId: string) => {
      door?.closeSession(sessionId);
      bus.signal({ kind: "terminated", sessionId });
    };
    bus.onSignal((signal) => signal.kind === "terminated" && door?.closeSession(signal.sessionId));
    const limits = openLimits({
      store,
      clock,
      nodeId,
      log: logger,
      leaseMs: parts.worker?.leaseMs ?? settings.leaseMs,
      limits: limitsOf(settings, parts),
    });
    opened.push(limits);
    const revocations = new RevocationWatch({ db: store.db, clock, log });
    opened.push(revocations);
    const api = createApi({ runtime, catalogue: world.catalogue, onTerminated, revocations });
    const http = buildHttp({
      api,
      authenticator,
      idempotency: createIdempotency(store, clock),
      ...limits,
      clock,
      logger,
      allowedOrigins: settings.allowedOrigins,
    });
    serveConsole(http, builtConsole);
    const isBusConnected = () => bus.isConnected();
    const countSockets = () => door?.count ?? 0;
    const metrics = createMetrics({ db: store.db, clock, log, countSockets, isBusConnected });
    serveMetrics(http, metrics, authenticator);
    opened.push(http);
    await listen(http, settings);
    const { port } = http.server.address() as AddressInfo;
    door = new Sockets(http.server, {
      runtime,
      watchers: new Watchers(bus, metrics.observeLag),
      messagesPerSecond: parts.messagesPerSecond ?? 100,
      ...limits,
      authenticator,
      api,
      allowedOrigins: [...settings.allowedOrigins, ...ownOrigins(settings.host, port)],
    });
    opened.push(worker, door);
    await worker.open();
    if (retention !== undefined) opened.push(retention);
    retention?.open();
    return { url: `http://${urlHost(settings.host)}:${port}`, port, accessToken, close: closeAll };
  } catch (error) {
    await closeAll().catch((failure: unknown) => logger.error({ err: failure }, "could not close what was opened"));
    throw error;
  }
}

/** An embedding program that lets one socket say more than usual lets its user say as much. */
function limitsOf({ limits }: Settings, { messagesPerSecond = 0, maxSocketsPerUser }: ServerParts): Settings["limits"] {
  return {
    ...limits,
    messagesPerUser: limits.messagesPerUser && Math.max(limits.messagesPerUser, messagesPerSecond),
    socketsPerUser: maxSocketsPerUser ?? limits.socketsPerUser,
  };
}

function whereOf({ dataDir, databaseUrl, startTimeoutMs }: Settings, logger: FastifyBaseLogger) {
  if (databaseUrl === undefined) return { dataDir };
  const onWaiting = (code: string) =>
    logger.warn(`the PostgreSQL server cannot be reached (${code}); trying for ${startTimeoutMs / 1000} seconds`);
  return { url: databaseUrl, startTimeoutMs, onWaiting };
}

function modelsOf(settings: Settings, parts: ServerParts, env: NonNullable<ServerParts["env"]>) {
  const models = new Map<string, AgentModel>();
  const modelFor = (config: { model?: string | undefined }): AgentModel => {
    if (parts.model !== undefined) return parts.model;
    const spec = config.model ?? settings.model;
    try {
      const model = models.get(spec) ?? resolveModel(spec, env, { isPriced: settings.modelPrices.has(spec) });
      models.set(spec, model);
      return model;
    } catch (error) {
      throw new PaygentError("model_failed", error instanceof Error ? error.message : String(error), { cause: error });
    }
  };
  modelFor({});
  const modelNameOf = (config: { model?: string | undefined }) => parts.model?.name ?? config.model ?? settings.model;
  const modelPriceOf = (config: { model?: string | undefined }) => settings.modelPrices.get(modelNameOf(config));
  return { modelFor, modelNameOf, modelPriceOf };
}

async function openWorker(given: {
  nodeId: string;
  store: Store;
  clock: Clock;
  bus: Bus;
  settings: Settings;
  log: Log;
  world: PaidWorld;
  parts: ServerParts;
  models: ReturnType<typeof modelsOf>;
}): Promise<Worker> {
  const { nodeId, store, clock, bus, log, world, parts, models, settings } = given;
  // SQLite's lock says that this is the only node there is.
  if (store.dialect === "sqlite") await store.write(removeAllNodes);
  const tools = [...builtInTools(world), ...(parts.tools ?? [])];
  return new Worker(
    {
      store,
      clock,
      bus,
      log,
      nodeId,
      tools: new Map(tools.map((tool) => [tool.name, tool])),
      subagents: new Map(subagents.map((subagent) => [subagent.name, subagent])),
      wallet: world.wallet,
      web: guardedWeb(createUrlGuard({ allowedHosts: world.allowedHosts })),
      userQuota: new UserQuota(settings.executionsPerUser, clock),
      ...models,
    },
    { sweepMs, leaseMs: settings.leaseMs, maxRuns: settings.maxRuns, maxTokenMs: settings.maxTokenMs, ...parts.worker },
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
