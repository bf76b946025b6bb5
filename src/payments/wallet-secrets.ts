import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type LocalAccount, toHex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import * as z from "zod";
import { PaygentError } from "../protocol/errors.ts";
import { createPrivateFile, readPrivateFile } from "./private-file.ts";

const HexBytes = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text): `0x${string}` => `0x${text.slice(2)}`);
const Secrets = z.object({ private_key: HexBytes, nonce_secret: HexBytes });

/** The wallet's key and nonce secret, made at random on the first call and kept in `folder`. */
export function openWalletSecrets(folder: string): { account: LocalAccount; nonceSecret: Uint8Array } {
  const path = join(folder, "wallet.json");
  const secrets = readSecrets(path) ?? createSecrets(path);
  if (secrets === undefined) throw unreadable();
  return {
    account: privateKeyToAccount(secrets.private_key),
    nonceSecret: Buffer.from(secrets.nonce_secret.slice(2), "hex"),
  };
}

function readSecrets(path: string): z.infer<typeof Secrets> | undefined {
  try {
    return readPrivateFile(path, Secrets);
  } catch {
    // The cause is left out: a parse error may quote the key.
    throw unreadable();
  }
}

/** Gives what is kept, which is another server's when that one came first. */
function createSecrets(path: string): z.infer<typeof Secrets> | undefined {
  createPrivateFile(path, { private_key: generatePrivateKey(), nonce_secret: toHex(randomBytes(32)) });
  return readSecrets(path);
}

function unreadable(): PaygentError {
  return new PaygentError(
    "unavailable",
    "The wallet's key file wallet.json cannot be read. Restore it from a backup, or move it away to start with a new wallet.",
  );
}
