import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, getAddress } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import * as z from "zod";
import { startAnvil } from "../../src/payments/anvil.ts";
import { createFacilitator } from "../../src/payments/facilitator.ts";
import { callRpc } from "../../src/payments/json-rpc.ts";
import { deployLocalToken } from "../../src/payments/local-token.ts";
import { openMerchant } from "../../src/payments/merchant.ts";
import { openReplays } from "../../src/payments/replays.ts";
import { systemClock } from "../../src/runtime/clock.ts";

const Accounts = z.array(z.string().transform((text) => getAddress(text)));

/** A chain of another id than the local one, with a token, a merchant and two funded keys: a network to a server. */
export interface OtherChain {
  readonly rpcUrl: string;
  readonly network: string;
  readonly token: Address;
  /** Holds 100 USDC and no coin for gas. */
  readonly payerKey: `0x${string}`;
  readonly payer: Address;
  /** Holds coin for gas and no USDC. */
  readonly relayerKey: `0x${string}`;
  readonly merchantOrigin: string;
  /** What a server needs in its environment to pay here, but for keys. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startOtherChain(chainId = 84_532): Promise<OtherChain> {
  const folder = mkdtempSync(join(tmpdir(), "paygent-network-"));
  const anvil = await startAnvil(folder, chainId);
  const { rpcUrl } = anvil;
  const network = `eip155:${chainId}` as const;
  const [deployer, settler, seller] = Accounts.parse(await callRpc(rpcUrl, "eth_accounts"));
  if (deployer === undefined || settler === undefined || seller === undefined)
    throw new Error("The chain has no accounts.");
  const payerKey = generatePrivateKey();
  const payer = privateKeyToAccount(payerKey).address;
  const relayerKey = generatePrivateKey();
  const { token } = await deployLocalToken(rpcUrl, { deployer, holder: payer, amount: 100_000_000n });
  await callRpc(rpcUrl, "anvil_setBalance", [privateKeyToAccount(relayerKey).address, "0xde0b6b3a7640000"]);
  const merchant = await openMerchant({
    facilitator: createFacilitator(rpcUrl, network, settler),
    network,
    token: { address: token, symbol: "USDC", decimals: 6, name: "USD Coin", version: "2" },
    payTo: seller,
    replays: openReplays(join(folder, "sold")),
    clock: systemClock,
    port: 0,
  });
  const services = join(folder, "services.json");
  const listed = ["market-data", "bait"].map((name) => ({
    name,
    description: `Sells ${name}.`,
    url: `${merchant.origin}/${name}`,
    price: "0.10",
  }));
  writeFileSync(services, JSON.stringify(listed));
  return {
    rpcUrl,
    network,
    token,
    payerKey,
    payer,
    relayerKey,
    merchantOrigin: merchant.origin,
    env: { PAYGENT_CHAIN: network, PAYGENT_RPC_URL: rpcUrl, PAYGENT_ASSET: token, PAYGENT_SERVICES: services },
    async close() {
      await merchant.close();
      await anvil.close();
      rmSync(folder, { recursive: true });
    },
  };
}
