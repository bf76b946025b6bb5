import {
  createCipheriv,
  createDecipheriv,
  pbkdf2,
  randomBytes,
  randomUUID,
  scrypt,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { type Address, getAddress, type Hex, hexToBytes, keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import * as z from "zod";

const keyBytes = 32;
const mostMemoryBytes = 1024 * 1024 * 1024;
/** What OWASP asks of scrypt: about 128 MiB and half a second for each guess. */
const strength = { n: 131_072, r: 8, p: 1 };

const HexText = z.string().regex(/^(?:0x)?(?:[0-9a-fA-F]{2})+$/);
const Sealed = z.object({
  cipher: z.literal("aes-128-ctr"),
  cipherparams: z.object({ iv: HexText }),
  ciphertext: HexText,
  mac: HexText,
});
const Scrypt = Sealed.extend({
  kdf: z.literal("scrypt"),
  kdfparams: z.object({
    dklen: z.int().min(keyBytes).max(256),
    n: z
      .int()
      .min(2)
      .max(2 ** 24),
    r: z.int().min(1).max(64),
    p: z.int().min(1).max(64),
    salt: HexText,
  }),
});
const Pbkdf2 = Sealed.extend({
  kdf: z.literal("pbkdf2"),
  kdfparams: z.object({
    dklen: z.int().min(keyBytes).max(256),
    c: z.int().min(1).max(10_000_000),
    prf: z.literal("hmac-sha256"),
    salt: HexText,
  }),
});
const SealedKey = z.discriminatedUnion("kdf", [Scrypt, Pbkdf2]);
type SealedKey = z.infer<typeof SealedKey>;

/** Web3 Secret Storage, version 3: what geth, Foundry and most wallets write. Early ones wrote `Crypto`. */
export const Keystore = z
  .object({
    version: z.literal(3),
    id: z.string().optional(),
    address: z.string().optional(),
    crypto: SealedKey.optional(),
    Crypto: SealedKey.optional(),
  })
  .transform(({ version, id, address, crypto, Crypto: early }, context) => {
    const sealed = crypto ?? early;
    if (sealed === undefined) {
      context.addIssue("There is no crypto section.");
      return z.NEVER;
    }
    return { version, id, address, crypto: sealed };
  });
export type Keystore = z.infer<typeof Keystore>;

/** The key does not open with this passphrase, or the file was altered: the two cannot be told apart. */
export class WrongPassphrase extends Error {
  override readonly name = "WrongPassphrase";
}

/** Seals a private key: scrypt, AES-128-CTR and a Keccak-256 MAC. */
export async function sealKey(privateKey: Hex, passphrase: string): Promise<Keystore> {
  const salt = randomBytes(32);
  const iv = randomBytes(16);
  const { n, r, p } = strength;
  const derived = await scryptKey(passphrase, salt, { n, r, p, dklen: keyBytes });
  const cipher = createCipheriv("aes-128-ctr", derived.subarray(0, 16), iv);
  const ciphertext = Buffer.concat([cipher.update(hexToBytes(privateKey)), cipher.final()]);
  return {
    version: 3,
    id: randomUUID(),
    address: privateKeyToAccount(privateKey).address.slice(2).toLowerCase(),
    crypto: {
      cipher: "aes-128-ctr",
      cipherparams: { iv: iv.toString("hex") },
      ciphertext: ciphertext.toString("hex"),
      kdf: "scrypt",
      kdfparams: { dklen: keyBytes, n, r, p, salt: salt.toString("hex") },
      mac: macOf(derived, ciphertext).toString("hex"),
    },
  };
}

/** Opens a sealed private key. Throws `WrongPassphrase`, or an Error when the file asks for too much or names another address. */
export async function openKey(keystore: Keystore, passphrase: string): Promise<Hex> {
  const { crypto } = keystore;
  const ciphertext = bytesOf(crypto.ciphertext);
  const derived = await derive(crypto, passphrase);
  const mac = bytesOf(crypto.mac);
  const expected = macOf(derived, ciphertext);
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) throw new WrongPassphrase();
  const decipher = createDecipheriv("aes-128-ctr", derived.subarray(0, 16), bytesOf(crypto.cipherparams.iv));
  const key = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  if (key.length !== keyBytes) throw new Error("what it holds is no private key");
  const privateKey = toHex(key);
  const stated = addressIn(keystore);
  if (stated !== undefined && stated !== privateKeyToAccount(privateKey).address)
    throw new Error("the address in it is not that of its key");
  return privateKey;
}

/** The address that a keystore states, which nothing protects; `undefined` when it states none. */
export function addressIn({ address }: Keystore): Address | undefined {
  const text = `0x${(address ?? "").replace(/^0x/i, "").toLowerCase()}`;
  return /^0x[0-9a-f]{40}$/.test(text) ? getAddress(text) : undefined;
}

async function derive(crypto: SealedKey, passphrase: string): Promise<Buffer> {
  switch (crypto.kdf) {
    case "scrypt":
      return await scryptKey(passphrase, bytesOf(crypto.kdfparams.salt), crypto.kdfparams);
    case "pbkdf2": {
      const { salt, c, dklen } = crypto.kdfparams;
      return await promisify(pbkdf2)(passphrase, bytesOf(salt), c, dklen, "sha256");
    }
  }
}

async function scryptKey(
  passphrase: string,
  salt: Uint8Array,
  { n, r, p, dklen }: { n: number; r: number; p: number; dklen: number },
): Promise<Buffer> {
  const memory = 128 * r * (n + p + 2);
  if (memory > mostMemoryBytes) throw new Error("it asks for more than 1 GiB of memory to be opened");
  // OpenSSL holds to RFC 7914's limit of N < 2^(16 r), which the definition's own example and early files exceed.
  if (n >= 2 ** (16 * r)) return Buffer.from(await scryptAsync(passphrase, salt, { N: n, r, p, dkLen: dklen }));
  return await new Promise((resolve, reject) => {
    scrypt(passphrase, salt, dklen, { N: n, r, p, maxmem: 2 * memory }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function macOf(derived: Buffer, ciphertext: Uint8Array): Buffer {
  return Buffer.from(keccak256(Buffer.concat([derived.subarray(16, 32), ciphertext]), "bytes"));
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replace(/^0x/, ""), "hex");
}
