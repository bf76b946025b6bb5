import type { Address, Hex } from "viem";
import { generatePrivateKey } from "viem/accounts";
import { parseKeystore, unlock, writeKeystore } from "./keystore-file.ts";

/** Makes a new key and seals it at `path`. Throws a sentence when a file is there. */
export async function createKey(path: string, passphrase: string): Promise<Address> {
  return await writeKeystore(path, generatePrivateKey(), passphrase);
}

/**
 * Seals a key that was made elsewhere: the hexadecimal private key, or the text of a keystore, which must
 * open with the same passphrase. Throws a sentence that never quotes what it was given.
 */
export async function importKey(path: string, secret: string, passphrase: string): Promise<Address> {
  const text = secret.trim();
  const privateKey = text.startsWith("{")
    ? await unlock(parseKeystore(text, "The input"), passphrase, "of the input")
    : readPrivateKey(text);
  return await writeKeystore(path, privateKey, passphrase);
}

function readPrivateKey(text: string): Hex {
  const digits = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text)?.[1];
  const value = digits === undefined ? 0n : BigInt(`0x${digits}`);
  if (digits === undefined || value === 0n || value >= groupOrder)
    throw new Error("The input is no private key: give 64 hexadecimal digits, or the text of a keystore.");
  return `0x${digits.toLowerCase()}`;
}

/** A private key of secp256k1 is a number below this. */
const groupOrder = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
