import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HTTPFacilitatorClient } from "@x402/core/http";
import { type Address, getAddress } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import * as z from "zod";
import { startAnvil } from "../../src/payments/anvil.ts";
import { deployToken } from "../../src/payments/deploy-token.ts";
import { createFacilitator } from "../../src/payments/facilitator.ts";
import { callRpc } from "../../src/payments/json-rpc.ts";
import { openMerchant } from "../../src/payments/merchant.ts";
import { openReplays } from "../../src/payments/replays.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { type OtherProcess, startOtherProcess } from "./other-process.ts";

const Accounts = z.array(z.string().transform((text) => getAddress(text)));

/**
 * A chain of another id than the local one, with a token, a facilitator that is hosted in a process of its own, a
 * merchant that uses it over HTTP, and two funded keys: a network to a server.
 */
export interface OtherChain {
  readonly rpcUrl: string;
  readonly network: string;
  readonly token: Address;
  /** Holds 100 USDC and no coin for gas. */
  readonly payerKey: `0x${string}`;
  readonly payer: Address;
  /** Holds coin for gas and no USDC. */
  readonly relayerKey: `0x${string}`;
  readonly seller: Address;
  readonly merchantOrigin: string;
  readonly facilitator: OtherProcess;
  /** What a server needs in its environment to pay here, but for keys. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startOtherChain(chainId = 84_532): Promise<OtherChain> {
  const folder = mkdtempSync(join(tmpdir(), "paygent-network-"));
  const anvil = await startAnvil(folder, { chainId });
  const { rpcUrl } = anvil;
  const network = `eip155:${chainId}` as const;
  const [deployer, settler, seller] = Accounts.parse(await callRpc(rpcUrl, "eth_accounts"));
  if (deployer === undefined || settler === undefined || seller === undefined)
    throw new Error("The chain has no accounts.");
  const payerKey = generatePrivateKey();
  const payer = privateKeyToAccount(payerKey).address;
  const relayerKey = generatePrivateKey();
  const { token } = await deployToken(rpcUrl, { deployer, holder: payer, amount: 100_000_000n });
  const relayer = privateKeyToAccount(relayerKey).address;
  // In a transaction: what is put into the chain's state by hand is lost when blocks are taken back.
  await callRpc(rpcUrl, "eth_sendTransaction", [{ from: deployer, to: relayer, value: "0xde0b6b3a7640000" }]);
  const facilitator = await startOtherProcess("facilitator-process", {
    TEST_RPC_URL: rpcUrl,
    TEST_NETWORK: network,
    TEST_SETTLER: settler,
  });
  const hosted = new HTTPFacilitatorClient({ url: facilitator.url });
  const merchant = await openMerchant({
    facilitator: {
      verify: (payload, requirements) => hosted.verify(payload, requirements),
      settle: (payload, requirements) => hosted.settle(payload, requirements),
      getSupported: () => hosted.getSupported(),
      // A merchant asks the chain itself for what a facilitator does not remember.
      wasSettled: createFacilitator(rpcUrl, network, settler).wasSettled,
    },
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
    seller,
    merchantOrigin: merchant.origin,
    facilitator,
    env: {
      PAYGENT_CHAIN: network,
      PAYGENT_RPC_URL: rpcUrl,
      PAYGENT_FACILITATOR_URL: facilitator.url,
      PAYGENT_ASSET: token,
      PAYGENT_SERVICES: services,
    },
    async close() {
      await merchant.close();
      await facilitator.kill();
      await anvil.close();
      rmSync(folder, { recursive: true });
    },
  };
}
