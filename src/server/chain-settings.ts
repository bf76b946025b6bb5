import * as z from "zod";
import { check, type Env, text } from "./environment.ts";
import { type KeystoreSettings, readKeystoreSettings, readRelayerSettings } from "./keystore-settings.ts";

/** A chain that others run, and the wallet on it. */
export interface NetworkSettings {
  readonly kind: "network";
  /** CAIP-2. */
  readonly network: string;
  readonly rpcUrl: string;
  readonly facilitatorUrl: string | undefined;
  readonly asset:
    | {
        readonly address: string;
        readonly symbol: string | undefined;
        readonly decimals: number | undefined;
        readonly name: string | undefined;
        readonly version: string | undefined;
      }
    | undefined;
  readonly servicesPath: string | undefined;
  readonly keystore: KeystoreSettings;
  readonly relayer: KeystoreSettings | undefined;
}

export type ChainSettings = { readonly kind: "local" } | NetworkSettings;

const Network = z.string().regex(/^eip155:[1-9]\d{0,14}$/);
const Url = z.url({ protocol: /^https?$/ });
const Decimals = z
  .string()
  .regex(/^\d{1,2}$/)
  .transform(Number)
  .pipe(z.number().max(36));

/** What PAYGENT_CHAIN and its companions say. Throws a sentence that names the setting that is wrong. */
export function readChainSettings(env: Env, dataDir: string): ChainSettings {
  const chain = text(env, "PAYGENT_CHAIN") ?? "local";
  if (chain === "local") return { kind: "local" };
  const network = check(env, "PAYGENT_CHAIN", Network, 'local or a CAIP-2 id of an EVM network such as "eip155:8453"');
  const rpcUrl = check(env, "PAYGENT_RPC_URL", Url, "the http or https URL of an Ethereum JSON-RPC node");
  if (network === undefined || rpcUrl === undefined)
    throw new Error(
      `PAYGENT_CHAIN is ${chain}, so PAYGENT_RPC_URL must be the URL of one of its nodes. Set it, or PAYGENT_CHAIN=local.`,
    );
  return {
    kind: "network",
    network,
    rpcUrl,
    facilitatorUrl: check(env, "PAYGENT_FACILITATOR_URL", Url, "the http or https URL of an x402 facilitator"),
    asset: readAsset(env),
    servicesPath: text(env, "PAYGENT_SERVICES"),
    keystore: readKeystoreSettings(env, dataDir),
    relayer: readRelayerSettings(env),
  };
}

function readAsset(env: Env): NetworkSettings["asset"] {
  const address = text(env, "PAYGENT_ASSET");
  const details = {
    symbol: text(env, "PAYGENT_ASSET_SYMBOL"),
    decimals: check(env, "PAYGENT_ASSET_DECIMALS", Decimals, "a whole number from 0 to 36"),
    name: text(env, "PAYGENT_ASSET_NAME"),
    version: text(env, "PAYGENT_ASSET_VERSION"),
  };
  if (address !== undefined) return { address, ...details };
  const stray = Object.entries(details).find(([, value]) => value !== undefined)?.[0];
  if (stray === undefined) return undefined;
  throw new Error(
    `PAYGENT_ASSET_${stray.toUpperCase()} describes a token, but PAYGENT_ASSET does not name its address. Set that too, or unset both.`,
  );
}
