import {
  type Address,
  BaseError,
  type Hex,
  isAddressEqual,
  type LocalAccount,
  parseSignature,
  recoverTypedDataAddress,
  type TypedDataDefinition,
} from "viem";
import { PaygentError } from "../protocol/errors.ts";
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
  /** EIP-3009 `TransferWithAuthorization`. Both reject with `payment_failed` when the key does not sign in time. */
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

/** Long for any signing service, and short beside the life of what is signed. */
const longestSigningMs = 10_000;

export function createSigner(
  account: SigningAccount,
  token: Token,
  chainId: number,
  { timeLimitMs = longestSigningMs } = {},
): AuthorizationSigner {
  const domain = { name: token.name, version: token.version, chainId, verifyingContract: token.address };
  const sign = async (typedData: TypedDataDefinition): Promise<Hex> => {
    const signature = await within(timeLimitMs, () => account.signTypedData(typedData));
    if (!isOfThisProcess(account)) await check(account.address, typedData, signature);
    return signature;
  };
  return {
    address: account.address,
    signTransfer: ({ to, value, validBefore, nonce }) =>
      sign({
        domain,
        types: transferTypes,
        primaryType: "TransferWithAuthorization",
        message: { from: account.address, to, value, validAfter: 0n, validBefore: BigInt(validBefore), nonce },
      }),
    signCancellation: (nonce) =>
      sign({
        domain,
        types: cancellationTypes,
        primaryType: "CancelAuthorization",
        message: { authorizer: account.address, nonce },
      }),
  };
}

/** What a signing service answers is not taken on trust; a key of this process need not be checked. */
function isOfThisProcess(account: SigningAccount): boolean {
  return "source" in account && account.source === "privateKey";
}

/** The order of secp256k1, halved: tokens refuse signatures above, which some services make. */
const greatestS = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

async function check(address: Address, typedData: TypedDataDefinition, signature: Hex): Promise<void> {
  try {
    const signedBy = await recoverTypedDataAddress({ ...typedData, signature });
    if (isAddressEqual(signedBy, address) && BigInt(parseSignature(signature).s) <= greatestS) return;
  } catch {
    // Something that is no signature at all.
  }
  throw notSigned(`answered with a signature that is none of ${address}, or that the token does not take`);
}

async function within(timeLimitMs: number, sign: () => Promise<Hex>): Promise<Hex> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(notSigned(`did not answer within ${timeLimitMs / 1000} seconds`)),
    timeLimitMs,
  );
  try {
    // A signature that comes later is stored and sent by nobody.
    return await Promise.race([sign(), late.promise]);
  } catch (error) {
    if (error instanceof PaygentError) throw error;
    throw notSigned("refused or could not be reached", error);
  } finally {
    clearTimeout(timer);
  }
}

function notSigned(what: string, cause?: unknown): PaygentError {
  return new PaygentError(
    "payment_failed",
    `The service that holds the wallet's key ${what}, so nothing was signed. See that it works, then ask again.`,
    // The chain library's full messages quote what was to be signed.
    { cause: cause instanceof BaseError ? new Error(`${cause.name}: ${cause.shortMessage}`) : cause },
  );
}
