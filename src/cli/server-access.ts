import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { createClient, type PaygentClient } from "../client/index.ts";
import { PaygentError } from "../protocol/errors.ts";
import { isLoopback } from "../protocol/loopback.ts";
import { Usd } from "../protocol/money.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** The options that every command which talks to a server has. */
export interface ServerOptions {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

export function withServerOptions(command: Command): Command {
  return command
    .option("--url <url>", "the server's address (PAYGENT_URL; default http://127.0.0.1:8000)")
    .option("--token <token>", "the access token (PAYGENT_TOKEN; default: the local server's token file)")
    .option("--json", "print JSON for programs");
}

export function dataDirOf(env: Env): string {
  return env.PAYGENT_DATA_DIR || "data";
}

export function tokenFileOf(env: Env): string {
  return join(dataDirOf(env), "access-token");
}

export function serverUrlOf(options: ServerOptions, env: Env): string {
  return options.url ?? (env.PAYGENT_URL || `http://127.0.0.1:${env.PORT || 8000}`);
}

/** The client that a command's options and the environment describe. Throws `unauthenticated` without a token. */
export function clientOf(options: ServerOptions, env: Env): PaygentClient {
  const url = serverUrlOf(options, env);
  return createClient({ url, token: options.token ?? (env.PAYGENT_TOKEN || localAccessToken(url, env)) });
}

/** The token file belongs to the server of this machine; no other address is ever shown it. */
function localAccessToken(url: string, env: Env): string {
  const path = tokenFileOf(env);
  if (!URL.canParse(url) || !isLoopback(new URL(url).hostname)) {
    throw new PaygentError("unauthenticated", `No access token for ${url}: give one with --token or PAYGENT_TOKEN.`);
  }
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new PaygentError(
      "unauthenticated",
      `No access token: ${path} cannot be read. Start a server with \`paygent start\`, set PAYGENT_DATA_DIR to its data folder, or give --token or PAYGENT_TOKEN.`,
      { cause },
    );
  }
}

/** Reads a USD amount given on the command line. */
export function usdOption(text: string): string {
  if (!Usd.safeParse(text).success) throw new InvalidArgumentError('Give a USD amount such as "0.50".');
  return text;
}

/** Reads a whole number given on the command line. */
export function countOption(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("Give a whole number.");
  return Number(text);
}

/** Reads a JSON object given on the command line. */
export function objectOption(text: string): Record<string, unknown> {
  const value = parseObject(text);
  if (value === undefined) throw new InvalidArgumentError('Give a JSON object such as \'{"budget_usd":"5"}\'.');
  return value;
}

export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // JSON objects have string keys; arrays and null are excluded here.
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
