import { type Account, createPublicClient, http, isAddress } from "viem";
import type { Clock } from "../runtime/clock.ts";
import type { Catalogue, Wallet } from "../runtime/wallet.ts";
import { checkFacilitator, checkNetwork } from "./network-check.ts";
import { type AssetSettings, tokenOn } from "./networks.ts";
import { catalogueOf, readServiceList } from "./service-list.ts";
import { createWallet } from "./wallet.ts";
import type { WalletKeys } from "./wallet-keys.ts";

/** Where a wallet pays when it does not pay on the local chain. */
export interface NetworkOptions {
  /** CAIP-2, such as `eip155:8453`. */
  readonly network: string;
  readonly rpcUrl: string;
  readonly facilitatorUrl: string | undefined;
  /** `undefined` for the USDC of a network where it is known. */
  readonly asset: AssetSettings | undefined;
  /** The JSON file of the services that can be bought by name; `undefined` for none. */
  readonly servicesPath: string | undefined;
}

/** A wallet on a network that others run, and the services that its operator listed. */
export interface NetworkWorld {
  readonly wallet: Wallet;
  readonly catalogue: Catalogue;
  readonly allowedHosts: readonly string[];
  /** Sentences that an operator should read. */
  readonly notices: readonly string[];
  close(): Promise<void>;
}

/**
 * Opens the wallet of `keys` on a network, once the node, the token and the facilitator have proved to be
 * those of the settings. `relayer` pays the gas of what the wallet itself sends to the chain. Throws a sentence.
 */
export async function openNetworkWorld(
  options: NetworkOptions,
  { keys, relayer, clock }: { keys: WalletKeys; relayer: Account | undefined; clock: Clock },
): Promise<NetworkWorld> {
  const { network, rpcUrl, facilitatorUrl, servicesPath } = options;
  const token = tokenOn(network, options.asset);
  const { account, nonceSecret } = keys;
  if (!isAddress(account.address))
    throw new Error("The wallet's account has no address; give one made by viem's toAccount.");
  if (nonceSecret.length < 32) throw new Error("The wallet's nonceSecret must be at least 32 random bytes.");
  const listed = servicesPath === undefined ? [] : readServiceList(servicesPath);
  await checkNetwork(rpcUrl, network, token);
  if (facilitatorUrl !== undefined) await checkFacilitator(facilitatorUrl, network);
  const origins = new Set(listed.map(({ url }) => new URL(url).origin));
  const wallet = createWallet({
    account,
    nonceSecret,
    rpcUrl,
    network,
    token,
    relayer,
    allowUrl: (url) => origins.has(url.origin),
    clock,
    pollingMs: 1000,
  });
  return {
    wallet,
    catalogue: catalogueOf(listed, token, network),
    allowedHosts: [],
    notices: await noticesOf(wallet, relayer, rpcUrl),
    close: async () => undefined,
  };
}

async function noticesOf(wallet: Wallet, relayer: Account | undefined, rpcUrl: string): Promise<string[]> {
  const notices: string[] = [];
  const { address, network, currency, amount } = await wallet.balance();
  if (/^0\.0+$/.test(amount))
    notices.push(`The wallet ${address} holds no ${currency} on ${network}; send it some before it can pay.`);
  if (relayer === undefined) {
    notices.push(
      "No relayer is set (PAYGENT_RELAYER_KEYSTORE): what a service does not take can only expire, within ten minutes, and its amount stays reserved until then.",
    );
  } else {
    const chain = createPublicClient({ transport: http(rpcUrl, { timeout: 10_000 }) });
    // Unknown where the node does not answer: that is no reason to say that there is none.
    const gas = await chain.getBalance({ address: relayer.address }).catch(() => undefined);
    if (gas === 0n)
      notices.push(`The relayer ${relayer.address} holds no coin of ${network} to pay gas with; send it some.`);
  }
  return notices;
}
