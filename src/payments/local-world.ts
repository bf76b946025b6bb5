import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Clock } from "../runtime/clock.ts";
import type { Catalogue, Wallet } from "../runtime/wallet.ts";
import { localChainId } from "./anvil.ts";
import { ChainShare } from "./chain-share.ts";
import { callRpc } from "./json-rpc.ts";
import { usdcOf } from "./local-chain.ts";
import { localServices } from "./local-services.ts";
import { catalogueOf } from "./service-list.ts";
import type { Token } from "./token.ts";
import { createWallet } from "./wallet.ts";
import { openWalletSecrets } from "./wallet-secrets.ts";

const network = `eip155:${localChainId}` as const;

export interface LocalWorldOptions {
  /** A folder of its own, made when absent; the keys in it are readable by the owner only. */
  readonly dataDir: string;
  readonly clock: Clock;
  /** Told what an operator should know later on: that this server keeps the chain now, or cannot. */
  readonly onNotice?: (sentence: string) => void;
}

/** A chain, a USD token, a funded wallet and a merchant that sells for it, all on this machine. */
export interface LocalWorld {
  readonly wallet: Wallet;
  readonly catalogue: Catalogue;
  readonly merchantOrigin: string;
  readonly rpcUrl: string;
  readonly token: Token;
  /** Sentences that an operator should read: state that was rebuilt, a port that had to change. */
  readonly notices: readonly string[];
  close(): Promise<void>;
}

/**
 * Starts the local world of `dataDir`, or joins the servers that are in it: same wallet, balances, token and
 * addresses. Only the first start, and one that finds the chain's state lost, gives the wallet 100 USDC.
 */
export async function startLocalWorld(options: LocalWorldOptions): Promise<LocalWorld> {
  const { clock, onNotice = () => undefined } = options;
  // The chain may outlive this process, and is recognised by the path that it was started with.
  const folder = resolve(options.dataDir);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { account, nonceSecret } = openWalletSecrets(folder);
  const share = await ChainShare.open({ folder, network, clock, holder: account.address, onNotice });
  const { anvil, record } = share.chain;
  const { rpcUrl } = anvil;
  const token = usdcOf(record);
  const merchantOrigin = `http://127.0.0.1:${record.merchant_port}`;
  const wallet = createWallet({
    account,
    nonceSecret,
    rpcUrl,
    network,
    token,
    relayer: share.relayer,
    allowUrl: (url) => url.origin === merchantOrigin,
    clock,
    // This chain has one maker of blocks and never takes one back.
    final: "latest",
    mineBlock: () => callRpc(rpcUrl, "evm_mine"),
  });
  return {
    wallet,
    catalogue: createCatalogue(merchantOrigin, token),
    merchantOrigin,
    rpcUrl,
    token,
    notices: share.notices,
    close: () => share.close(),
  };
}

function createCatalogue(origin: string, token: Token): Catalogue {
  const services = localServices.map(({ name, description, price }) => ({
    name,
    description,
    url: `${origin}/${name}`,
    price,
  }));
  return catalogueOf(services, token, network);
}
