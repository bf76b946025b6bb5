import { join } from "node:path";
import * as z from "zod";
import { isLoopback } from "../protocol/loopback.ts";
import type { ModelPrice } from "../runtime/model-price.ts";
import { type ChainSettings, readChainSettings } from "./chain-settings.ts";
import { check, type Env, text } from "./environment.ts";
import { modelPrices } from "./model-prices.ts";
import type { RateLimits } from "./rates.ts";
import type { SocketLimits } from "./socket-places.ts";

/** What the command line may say; anything not given comes from the environment. */
export interface StartOptions {
  readonly port?: number;
  readonly host?: string;
  readonly dataDir?: string;
  readonly live?: boolean;
}

export interface Settings {
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly natsUrl: string | undefined;
  /** How long a start waits for a PostgreSQL or NATS server that cannot be reached. */
  readonly startTimeoutMs: number;
  /** How long a node may be silent before the others take its executions over. */
  readonly leaseMs: number;
  /** How many executions a node works on at once. */
  readonly maxRuns: number;
  readonly authSecret: string | undefined;
  readonly authJwksUrl: string | undefined;
  readonly authAudience: string | undefined;
  readonly authIssuer: string | undefined;
  /** How long after it was issued a token is taken at most. */
  readonly maxTokenMs: number | undefined;
  readonly allowedOrigins: readonly string[];
  readonly model: string;
  readonly limits: RateLimits & SocketLimits;
  /** How many executions of a user may be open; 0 for any number. */
  readonly executionsPerUser: number;
  readonly modelPrices: ReadonlyMap<string, ModelPrice>;
  readonly logLevel: string;
  /** For how many days events stay in the database; for ever unless told. */
  readonly retentionDays: number | undefined;
  /** Where older ones go. */
  readonly archiveDir: string;
  readonly chain: ChainSettings;
}

const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

const Port = z.coerce.number().int().min(0).max(65_535);
const Url = z.url();
const Limit = z
  .string()
  .regex(/^\d{1,7}$/)
  .transform(Number);
const requestsForm = "a whole number of requests a second, 0 for any number";
const messagesForm = "a whole number of messages a second, 0 for any number";
const socketsForm = "a whole number of sockets, 0 for any number";
const executionsForm = "a whole number of executions, 0 for any number";
const StartSeconds = z.coerce.number().min(0).max(3600);
const LeaseSeconds = z.coerce.number().min(1).max(60);
const TokenDays = z.coerce.number().int().min(1).max(3650);
const RetentionDays = z.coerce.number().int().min(1).max(36_500);
const MaxRuns = z.coerce.number().int().min(1).max(10_000);

/**
 * Reads and checks everything once. Throws an Error whose sentence names the setting that is wrong and what
 * it may be.
 */
export function readSettings(options: StartOptions, env: Env): Settings {
  const host = options.host ?? text(env, "HOST") ?? "127.0.0.1";
  const dataDir = options.dataDir ?? text(env, "PAYGENT_DATA_DIR") ?? "./data";
  const settings: Settings = {
    port: options.port ?? check(env, "PORT", Port, "a port number from 0 to 65535") ?? 8000,
    host,
    dataDir,
    databaseUrl: databaseUrl(env),
    natsUrl: natsUrl(env),
    startTimeoutMs:
      1000 * (check(env, "PAYGENT_START_TIMEOUT_S", StartSeconds, "a number of seconds from 0 to 3600") ?? 30),
    leaseMs: 1000 * (check(env, "PAYGENT_LEASE_S", LeaseSeconds, "a number of seconds from 1 to 60") ?? 8),
    maxRuns: check(env, "PAYGENT_MAX_RUNS", MaxRuns, "a number of executions from 1 to 10000") ?? 1000,
    authSecret: text(env, "PAYGENT_AUTH_SECRET"),
    authJwksUrl: check(env, "PAYGENT_AUTH_JWKS_URL", Url, "a URL"),
    authAudience: text(env, "PAYGENT_AUTH_AUDIENCE"),
    authIssuer: text(env, "PAYGENT_AUTH_ISSUER"),
    maxTokenMs: maxTokenMs(env),
    allowedOrigins: origins(env),
    model: text(env, "PAYGENT_MODEL") ?? "rules",
    limits: {
      requestsPerUser: check(env, "PAYGENT_REQUESTS_PER_USER", Limit, requestsForm) ?? 1000,
      requestsPerAddress: check(env, "PAYGENT_REQUESTS_PER_ADDRESS", Limit, requestsForm) ?? 2000,
      messagesPerUser: check(env, "PAYGENT_MESSAGES_PER_USER", Limit, messagesForm) ?? 1000,
      socketsPerUser: check(env, "PAYGENT_SOCKETS_PER_USER", Limit, socketsForm) ?? 1000,
      socketsPerAddress: check(env, "PAYGENT_SOCKETS_PER_ADDRESS", Limit, socketsForm) ?? 20_000,
    },
    executionsPerUser: check(env, "PAYGENT_EXECUTIONS_PER_USER", Limit, executionsForm) ?? 5000,
    modelPrices: modelPrices(env),
    logLevel: check(env, "LOG_LEVEL", z.enum(logLevels), `one of ${logLevels.join(", ")}`) ?? "warn",
    ...readRetention(env, dataDir),
    chain: readChainSettings(env, dataDir),
  };
  checkLive(settings.chain, options.live === true);
  const isLocalMode = settings.authSecret === undefined && settings.authJwksUrl === undefined;
  if (isLocalMode && !isLoopback(host)) {
    throw new Error(
      `HOST is ${host}, which others can reach, but no PAYGENT_AUTH_SECRET or PAYGENT_AUTH_JWKS_URL is set. ` +
        "Set one of them, or listen on 127.0.0.1.",
    );
  }
  return settings;
}

/** What is kept in the database, and where the rest is; also for commands that need no other setting. */
export function readRetention(env: Env, dataDir: string): Pick<Settings, "retentionDays" | "archiveDir"> {
  return {
    retentionDays: check(env, "PAYGENT_RETENTION_DAYS", RetentionDays, "a whole number of days from 1 to 36500"),
    archiveDir: text(env, "PAYGENT_ARCHIVE_DIR") ?? join(dataDir, "archive"),
  };
}

function maxTokenMs(env: Env): number | undefined {
  const days = check(env, "PAYGENT_MAX_TOKEN_DAYS", TokenDays, "a whole number of days from 1 to 3650");
  return days === undefined ? undefined : days * 24 * 60 * 60_000;
}

/** Nobody pays with real money by a variable that was left over from somewhere else. */
function checkLive(chain: ChainSettings, isLive: boolean): void {
  if (chain.kind === "network" && !isLive)
    throw new Error(
      `PAYGENT_CHAIN is ${chain.network}, where payments move real money. Start with --live to allow that, or set PAYGENT_CHAIN=local.`,
    );
  if (chain.kind === "local" && isLive)
    throw new Error(
      "--live allows payments with real money, but PAYGENT_CHAIN is local. Set PAYGENT_CHAIN to a network, or leave out --live.",
    );
}

function databaseUrl(env: Env): string | undefined {
  const url = text(env, "DATABASE_URL");
  if (url === undefined || /^postgres(ql)?:\/\//.test(url)) return url;
  throw new Error("DATABASE_URL must begin with postgres:// or postgresql://; leave it out to use SQLite.");
}

function natsUrl(env: Env): string | undefined {
  const url = text(env, "NATS_URL");
  if (url === undefined) return undefined;
  if (!/^(nats|tls):\/\//.test(url)) throw new Error("NATS_URL must begin with nats:// or tls://.");
  if (text(env, "DATABASE_URL") !== undefined) return url;
  throw new Error("NATS_URL is for several servers on one database: set DATABASE_URL too, or leave NATS_URL out.");
}

function origins(env: Env): string[] {
  const listed = (text(env, "PAYGENT_ALLOWED_ORIGINS") ?? "").split(",").map((origin) => origin.trim());
  return listed
    .filter((origin) => origin !== "")
    .map((origin) => {
      if (URL.parse(origin)?.origin === origin) return origin;
      throw new Error(`PAYGENT_ALLOWED_ORIGINS must list origins such as https://example.com; "${origin}" is none.`);
    });
}
