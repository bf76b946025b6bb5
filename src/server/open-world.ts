import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import type { LocalAccount } from "viem";
import type { WalletKeys } from "../payments/wallet-keys.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Catalogue, Wallet } from "../runtime/wallet.ts";
import type { NetworkSettings } from "./chain-settings.ts";
import type { KeystoreSettings } from "./keystore-settings.ts";
import type { Settings } from "./settings.ts";

/** A wallet and what it can buy. */
export interface PaidWorld {
  readonly wallet: Wallet;
  readonly catalogue: Catalogue;
  /** `host:port` entries that tools may reach although they are not public. */
  readonly allowedHosts: readonly string[];
  close(): Promise<void>;
}

/** What an embedding program may bring to pay with. */
export interface WalletParts {
  /** Instead of the keystore, on a network of the settings: keys that are kept elsewhere, such as in a KMS. */
  readonly wallet?: WalletKeys;
  /** Instead of the relayer's keystore: pays the gas of what the wallet itself sends to the chain. */
  readonly relayer?: LocalAccount;
  /** Asks a person for the passphrase of a keystore when the settings have none. */
  askPassphrase?(keystorePath: string): Promise<string>;
}

/** Opens the wallet of the settings: on the local chain, which is started or joined, or on a network. */
export async function openWorld(
  { chain, dataDir }: Settings,
  { parts, clock, logger }: { parts: WalletParts; clock: Clock; logger: FastifyBaseLogger },
): Promise<PaidWorld> {
  if (chain.kind === "local" && (parts.wallet ?? parts.relayer) !== undefined)
    throw new Error(
      "An own wallet pays on a network and not on the local chain: set PAYGENT_CHAIN to a network and give live: true.",
    );
  const world =
    chain.kind === "local" ? await openLocalWorld(dataDir, clock, logger) : await openNetwork(chain, parts, clock);
  for (const notice of world.notices) logger.warn(notice);
  return world;
}

async function openLocalWorld(dataDir: string, clock: Clock, logger: FastifyBaseLogger) {
  const { startLocalWorld } = await import("../payments/local-world.ts");
  const onNotice = (sentence: string) => logger.warn(sentence);
  const world = await startLocalWorld({ dataDir: join(dataDir, "chain"), clock, onNotice });
  return { ...world, allowedHosts: [new URL(world.merchantOrigin).host] };
}

async function openNetwork(settings: NetworkSettings, parts: WalletParts, clock: Clock) {
  const { openNetworkWorld } = await import("../payments/network-world.ts");
  const { openWalletKeys } = await import("../payments/wallet-keys.ts");
  const open = ({ path, passphrase }: KeystoreSettings) =>
    openWalletKeys(path, async () => passphrase ?? (await askPassphrase(path, parts)));
  const keys = parts.wallet ?? (await open(settings.keystore));
  const relayer = parts.relayer ?? (settings.relayer && (await open(settings.relayer)).account);
  return await openNetworkWorld(settings, { keys, relayer, clock });
}

async function askPassphrase(path: string, parts: WalletParts): Promise<string> {
  if (parts.askPassphrase !== undefined) return await parts.askPassphrase(path);
  throw new Error(
    `The keystore ${path} needs its passphrase. Set it in the environment (PAYGENT_KEYSTORE_PASSPHRASE or PAYGENT_KEYSTORE_PASSPHRASE_FILE; PAYGENT_RELAYER_… for the relayer's), or start at a terminal to be asked.`,
  );
}
