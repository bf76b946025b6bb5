import { type Address, parseAbi } from "viem";

/** An EIP-3009 token that a wallet pays with. `name` and `version` are those of its EIP-712 domain. */
export interface Token {
  readonly address: Address;
  readonly symbol: string;
  readonly decimals: number;
  readonly name: string;
  readonly version: string;
}

/** The part of an EIP-3009 token that a payment touches. */
export const tokenAbi = parseAbi([
  "function balanceOf(address account) view returns (uint256)",
  "function authorizationState(address authorizer, bytes32 nonce) view returns (bool)",
  "function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)",
  "function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)",
  "event Transfer(address indexed from, address indexed to, uint256 value)",
  "event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)",
  "event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce)",
]);
