import { hkdfSync } from "node:crypto";
import { type Hex, hexToBytes, type LocalAccount } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { readKeystore, unlock } from "./keystore-file.ts";
import type { SigningAccount } from "./signer.ts";

/** What a wallet signs with. */
export interface WalletKeys {
  /** A viem account, of which only the address and EIP-712 signatures are used; the key itself may be anywhere. */
  readonly account: SigningAccount;
  /**
   * 32 random bytes from which the nonces of payments are derived. They must stay the same as long as the
   * account: with others, a payment that is still open could be signed a second time.
   */
  readonly nonceSecret: Uint8Array;
}

/**
 * The keys of a private key. The nonce secret is derived from it (HKDF-SHA-256), so that a backup of the key
 * is a backup of both, and neither can be restored without the other.
 */
export function keysOf(privateKey: Hex): WalletKeys & { readonly account: LocalAccount } {
  const derived = hkdfSync("sha256", hexToBytes(privateKey), new Uint8Array(), "paygent/nonce-secret/v1", 32);
  return { account: privateKeyToAccount(privateKey), nonceSecret: new Uint8Array(derived) };
}

/** Opens the keystore at `path`. Throws a sentence when that cannot be done. */
export async function openWalletKeys(
  path: string,
  askPassphrase: () => Promise<string>,
): Promise<ReturnType<typeof keysOf>> {
  const keystore = readKeystore(path);
  return keysOf(await unlock(keystore, await askPassphrase(), path));
}
