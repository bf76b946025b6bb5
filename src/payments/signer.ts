import type { Address, Hex, LocalAccount } from "viem";
import type { Token } from "./token.ts";

/** All that is asked of an account: where it is, and EIP-712 signatures. */
export type SigningAccount = Pick<LocalAccount, "address" | "signTypedData">;

interface TransferAuthorization {
  readonly to: Address;
  readonly value: bigint;
  /** Unix seconds. */
  readonly validBefore: number;
  readonly nonce: Hex;
}

/**
 * The only two things that the wallet's key signs, both for one token on one chain. The key itself and its
 * general signing functions stay inside, so nothing that a service asks for can be signed by mistake.
 */
interface AuthorizationSigner {
  readonly address: Address;
  /** EIP-3009 `TransferWithAuthorization`. */
  signTransfer(authorization: TransferAuthorization): Promise<Hex>;
  /** EIP-3009 `CancelAuthorization`. */
  signCancellation(nonce: Hex): Promise<Hex>;
}

const transferTypes = {
  TransferWithAuthorization: [
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
} as const;

const cancellationTypes = {
  CancelAuthorization: [
    { name: "authorizer", type: "address" },
    { name: "nonce", type: "bytes32" },
  ],
} as const;

export function createSigner(account: SigningAccount, token: Token, chainId: number): AuthorizationSigner {
  const domain = { name: token.name, version: token.version, chainId, verifyingContract: token.address };
  return {
    address: account.address,
    signTransfer: ({ to, value, validBefore, nonce }) =>
      account.signTypedData({
        domain,
        types: transferTypes,
        primaryType: "TransferWithAuthorization",
        message: { from: account.address, to, value, validAfter: 0n, validBefore: BigInt(validBefore), nonce },
      }),
    signCancellation: (nonce) =>
      account.signTypedData({
        domain,
        types: cancellationTypes,
        primaryType: "CancelAuthorization",
        message: { authorizer: account.address, nonce },
      }),
  };
}
