import type { Address } from "viem";
import { checksummed } from "./checksummed.ts";
import type { Token } from "./token.ts";

/** Circle's USDC where it is known by heart; its name in signatures differs between the two. */
const knownTokens: Readonly<Record<string, Token>> = {
  "eip155:8453": usdc("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
  "eip155:84532": usdc("0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC"),
};

/** A token as the settings give it; what is left out is as Circle's USDC has it. */
export interface AssetSettings {
  readonly address: string;
  readonly symbol: string | undefined;
  readonly decimals: number | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
}

/** The token that a wallet pays with on a network. Throws a sentence when it is neither known nor given. */
export function tokenOn(network: string, asset: AssetSettings | undefined): Token {
  if (asset === undefined) {
    const known = knownTokens[network];
    if (known !== undefined) return known;
    throw new Error(
      `No token is known on ${network}. Set PAYGENT_ASSET to the address of its USD token with EIP-3009, or PAYGENT_CHAIN to one of ${Object.keys(knownTokens).join(", ")}.`,
    );
  }
  const address = checksummed(asset.address);
  if (address === undefined)
    throw new Error("PAYGENT_ASSET must be the address of a token, with a right checksum if in mixed case.");
  const { symbol = "USDC", decimals = 6, name = "USD Coin", version = "2" } = asset;
  return { address, symbol, decimals, name, version };
}

function usdc(address: Address, name: string): Token {
  return { address, symbol: "USDC", decimals: 6, name, version: "2" };
}
