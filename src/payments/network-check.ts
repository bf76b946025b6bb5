import { HTTPFacilitatorClient } from "@x402/core/http";
import { createPublicClient, domainSeparator, http, type PublicClient, parseAbi } from "viem";
import type { Token } from "./token.ts";

const identityAbi = parseAbi([
  "function symbol() view returns (string)",
  "function decimals() view returns (uint8)",
  "function DOMAIN_SEPARATOR() view returns (bytes32)",
]);

/**
 * Makes sure that the node at `rpcUrl` is one of the chain that was named and that its token is the one that
 * signatures will be made for. Throws a sentence, which never quotes the address: it may hold an access key.
 */
export async function checkNetwork(rpcUrl: string, network: string, token: Token): Promise<void> {
  const chain = createPublicClient({ transport: http(rpcUrl, { timeout: 10_000, retryCount: 1, retryDelay: 200 }) });
  const chainId = await askNode(() => chain.getChainId());
  if (`eip155:${chainId}` !== network)
    throw new Error(
      `PAYGENT_RPC_URL leads to the chain eip155:${chainId}, but PAYGENT_CHAIN is ${network}. Correct one of them.`,
    );
  // Whether an unused authorization has expired for good is read from this block.
  await askNode(() => chain.getBlock({ blockTag: "finalized" }));
  await checkToken(chain, { network, chainId, token });
}

async function checkToken(
  chain: PublicClient,
  { network, chainId, token }: { network: string; chainId: number; token: Token },
): Promise<void> {
  const { address, symbol, decimals, name, version } = token;
  const code = await askNode(() => chain.getCode({ address }));
  if (code === undefined) throw mismatch(token, network, "there is no contract at this address");
  const read = async <Name extends "symbol" | "decimals" | "DOMAIN_SEPARATOR">(functionName: Name) => {
    try {
      return await chain.readContract({ address, abi: identityAbi, functionName });
    } catch {
      throw mismatch(token, network, `the contract does not answer ${functionName}()`);
    }
  };
  const found = { symbol: await read("symbol"), decimals: await read("decimals") };
  if (found.symbol !== symbol) throw mismatch(token, network, `its symbol is not ${symbol}`);
  if (found.decimals !== decimals) throw mismatch(token, network, `it has ${found.decimals} decimals, not ${decimals}`);
  const expected = domainSeparator({ domain: { name, version, chainId, verifyingContract: address } });
  if ((await read("DOMAIN_SEPARATOR")) !== expected)
    throw mismatch(
      token,
      network,
      `its signatures are not made for the name "${name}", version "${version}" and this chain`,
    );
}

function mismatch(token: Token, network: string, what: string): Error {
  return new Error(
    `The token ${token.address} on ${network} cannot be paid with: ${what}. Correct PAYGENT_ASSET and what belongs to it, or PAYGENT_CHAIN.`,
  );
}

async function askNode<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch {
    // The cause is left out: it quotes the address.
    throw new Error(
      "The node at PAYGENT_RPC_URL does not answer as an Ethereum node that knows finalized blocks does. Start it, or correct PAYGENT_RPC_URL.",
    );
  }
}

/** Makes sure that a hosted facilitator settles what wallets of this network sign. Throws a sentence. */
export async function checkFacilitator(url: string, network: string): Promise<void> {
  let isServed: boolean;
  try {
    const { kinds } = await new HTTPFacilitatorClient({ url }).getSupported();
    isServed = kinds.some((kind) => kind.x402Version === 2 && kind.scheme === "exact" && kind.network === network);
  } catch {
    throw new Error(
      "The facilitator at PAYGENT_FACILITATOR_URL does not answer. Correct PAYGENT_FACILITATOR_URL, or leave it out: buying needs none.",
    );
  }
  if (!isServed)
    throw new Error(
      `The facilitator at PAYGENT_FACILITATOR_URL does not settle scheme exact of x402 version 2 on ${network}. Name another, or leave it out: buying needs none.`,
    );
}
