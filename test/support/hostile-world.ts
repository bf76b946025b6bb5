import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Address,
  createPublicClient,
  encodeFunctionData,
  getAddress,
  http,
  type LocalAccount,
  parseAbi,
} from "viem";
import { createFacilitator } from "../../src/payments/facilitator.ts";
import { callRpc } from "../../src/payments/json-rpc.ts";
import { type LocalWorld, startLocalWorld } from "../../src/payments/local-world.ts";
import { tokenAbi } from "../../src/payments/token.ts";
import { createWallet } from "../../src/payments/wallet.ts";
import { openWalletSecrets } from "../../src/payments/wallet-secrets.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import type { Wallet } from "../../src/runtime/wallet.ts";
import type { PaidWorld } from "../../src/server/start.ts";
import type { ServiceCertificate } from "./certificates.ts";
import { type HostileShop, openHostileShop, type Stall, type StallBehaviour } from "./hostile-shop.ts";

const network = "eip155:31337";
const ownerAbi = parseAbi([
  "function pause()",
  "function unpause()",
  "function blacklist(address account)",
  "function unBlacklist(address account)",
]);

/** The real local chain, token and wallet, with a shop beside the honest merchant that tests open stalls in. */
export interface HostileWorld extends PaidWorld {
  readonly shop: HostileShop;
  readonly local: LocalWorld;
  readonly dataDir: string;
  readonly walletAddress: Address;
  /** Opens a stall and lists it in the catalogue. */
  open(name: string, behaviour: StallBehaviour, listed?: { description?: string; price?: string }): Stall;
  /** What the chain has moved from the wallet to a stall's addresses, in the token's smallest unit. */
  paidTo(stall: Stall): Promise<bigint>;
  /** What the chain has moved from the wallet altogether. */
  paidInAll(): Promise<bigint>;
  /** A wallet with a clock or key of its own; the one of the world has the 100 USDC. */
  walletWith(own: { readonly clock?: Clock; readonly account?: LocalAccount }): Wallet;
  /** Lets the token's owner act. */
  asOwner(act: "pause" | "unpause" | "blacklist" | "unBlacklist"): Promise<void>;
}

/** With a certificate the shop speaks https; the honest merchant never does. */
export async function startHostileWorld(certificate?: ServiceCertificate): Promise<HostileWorld> {
  const dataDir = mkdtempSync(join(tmpdir(), "paygent-hostile-"));
  const local = await startLocalWorld({ dataDir, clock: systemClock });
  const { rpcUrl, token } = local;
  const { account, nonceSecret } = openWalletSecrets(dataDir);
  const [owner, settler, relayer] = await accountsOf(rpcUrl);
  const shop = await openHostileShop({
    facilitator: createFacilitator(rpcUrl, network, settler),
    network,
    token,
    certificate,
  });
  const listed = new Map<string, { description: string; price: string }>();
  const chain = createPublicClient({ transport: http(rpcUrl), cacheTime: 0 });
  const transfers = async () =>
    await chain.getContractEvents({
      address: token.address,
      abi: tokenAbi,
      eventName: "Transfer",
      fromBlock: 0n,
      toBlock: "latest",
      args: { from: account.address },
      strict: true,
    });
  const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
  const services = () => [
    ...local.catalogue.list(),
    ...shop.stalls.map(({ name, url }) => ({
      name,
      url,
      currency: token.symbol,
      network,
      ...(listed.get(name) ?? { description: "", price: "0.10" }),
    })),
  ];
  const walletWith: HostileWorld["walletWith"] = (own) =>
    createWallet({
      account,
      nonceSecret,
      rpcUrl,
      network,
      token,
      relayer,
      allowUrl: ({ origin }) => origin === shop.origin || origin === local.merchantOrigin,
      clock: systemClock,
      final: "latest",
      mineBlock: () => callRpc(rpcUrl, "evm_mine"),
      ...own,
    });
  return {
    shop,
    local,
    dataDir,
    walletAddress: account.address,
    allowedHosts: [new URL(shop.origin).host, new URL(local.merchantOrigin).host],
    wallet: walletWith({}),
    walletWith,
    catalogue: { list: services, find: (name) => services().find((service) => service.name === name) },
    open(name, behaviour, { description = "", price = "0.10" } = {}) {
      listed.set(name, { description, price });
      return shop.open(name, behaviour);
    },
    paidTo: async ({ payTo, accomplice }) =>
      sum(
        (await transfers()).filter(({ args }) => [payTo, accomplice].includes(args.to)).map(({ args }) => args.value),
      ),
    paidInAll: async () => sum((await transfers()).map(({ args }) => args.value)),
    async asOwner(functionName) {
      const data =
        functionName === "pause" || functionName === "unpause"
          ? encodeFunctionData({ abi: ownerAbi, functionName })
          : encodeFunctionData({ abi: ownerAbi, functionName, args: [account.address] });
      await callRpc(rpcUrl, "eth_sendTransaction", [{ from: owner, to: token.address, data }]);
    },
    async close() {
      await shop.close();
      await local.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function accountsOf(rpcUrl: string): Promise<[Address, Address, Address]> {
  // The chain answers with the addresses that it signs for.
  const [owner, settler, relayer] = ((await callRpc(rpcUrl, "eth_accounts")) as string[]).map((text) =>
    getAddress(text),
  );
  if (owner === undefined || settler === undefined || relayer === undefined) throw new Error("The chain has too few.");
  return [owner, settler, relayer];
}
