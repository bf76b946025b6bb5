import { join } from "node:path";
import { getAddress } from "viem";
import { callRpc } from "../../src/payments/json-rpc.ts";
import { startLocalWorld } from "../../src/payments/local-world.ts";
import type { Token } from "../../src/payments/token.ts";
import { createWallet } from "../../src/payments/wallet.ts";
import { openWalletSecrets } from "../../src/payments/wallet-secrets.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Service } from "../../src/runtime/wallet.ts";
import type { PaidWorld } from "../../src/server/start.ts";

const network = "eip155:31337";

/** What a process needs to pay in a world that another process holds. */
interface Shared {
  readonly folder: string;
  readonly rpcUrl: string;
  readonly token: Token;
  readonly origin: string;
  readonly services: readonly Service[];
}

/** A local world for several nodes; they are told of it by their environment. */
export async function shareWorld(folder: string) {
  const chain = join(folder, "chain");
  const world = await startLocalWorld({ dataDir: chain, clock: systemClock });
  const shared: Shared = {
    folder: chain,
    rpcUrl: world.rpcUrl,
    token: world.token,
    origin: world.merchantOrigin,
    services: world.catalogue.list(),
  };
  return { world, env: { TEST_SHARED_WORLD: JSON.stringify(shared) } };
}

/** The world that this process was told of; undefined when it was told of none. */
export async function sharedWorld(): Promise<PaidWorld | undefined> {
  const text = process.env.TEST_SHARED_WORLD;
  if (text === undefined) return undefined;
  const { folder, rpcUrl, token, origin, services } = JSON.parse(text) as Shared;
  const { account, nonceSecret } = openWalletSecrets(folder);
  const accounts = (await callRpc(rpcUrl, "eth_accounts")) as string[];
  const wallet = createWallet({
    account,
    nonceSecret,
    rpcUrl,
    network,
    token,
    relayer: getAddress(accounts[2] ?? ""),
    allowUrl: (url) => url.origin === origin,
    clock: systemClock,
    final: "latest",
    mineBlock: () => callRpc(rpcUrl, "evm_mine"),
  });
  return {
    wallet,
    catalogue: { list: () => services, find: (name) => services.find((service) => service.name === name) },
    allowedHosts: [new URL(origin).host],
    close: async () => undefined,
  };
}
