import { randomUUID } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Address, Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { addressIn, Keystore, openKey, sealKey, WrongPassphrase } from "./keystore.ts";

/** Seals a private key into a new file that only its owner may read. Never replaces one that is there. */
export async function writeKeystore(path: string, privateKey: Hex, passphrase: string): Promise<Address> {
  refuseExisting(path);
  const keystore = await sealKey(privateKey, passphrase);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}.new`;
  const file = openSync(draft, "wx", 0o600);
  try {
    writeSync(file, `${JSON.stringify(keystore, undefined, 2)}\n`);
    fsyncSync(file);
    // A link fails where a rename would replace what another process has written meanwhile.
    linkSync(draft, path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") refuseExisting(path);
    throw error;
  } finally {
    closeSync(file);
    unlinkSync(draft);
  }
  return privateKeyToAccount(privateKey).address;
}

/** Throws a sentence when there is a file at `path` already. */
export function refuseExisting(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined)
    throw new Error(
      `${path} is there already and is not overwritten: it may hold money. Name another file with --keystore.`,
    );
}

/**
 * The keystore at `path`, still sealed, for a process of the user `reader`. Throws a sentence when it is absent, open
 * to others, or no keystore.
 */
export function readKeystore(path: string, reader: number | undefined = process.geteuid?.()): Keystore {
  const state = statSync(path, { throwIfNoEntry: false });
  if (state === undefined)
    throw new Error(
      `There is no keystore at ${path}. Make one with \`paygent wallet create\`, bring one with \`paygent wallet import\`, or name it in PAYGENT_KEYSTORE.`,
    );
  refuseOpen(path, state, reader);
  return parseKeystore(readFileSync(path, "utf8"), path);
}

/**
 * A file of one's own is for oneself alone, and root needs no group either. Anybody else reads a file of another user,
 * such as a secret that a container is given, through its group; nobody but its owner may change it.
 */
function refuseOpen(path: string, { mode, uid }: { mode: number; uid: number }, reader: number | undefined): void {
  // Windows knows no such modes.
  if (reader === undefined) return;
  if (uid === reader || reader === 0) {
    if ((mode & 0o077) !== 0) throw new Error(`The keystore ${path} can be read by others; run: chmod 600 ${path}`);
  } else if ((mode & 0o037) !== 0) {
    throw new Error(
      `The keystore ${path} belongs to another user and is open to more than its group's reading: give it the mode 0440 where it comes from, such as the defaultMode of a Kubernetes secret.`,
    );
  }
}

/** Reads the text of a keystore; `where` names it in the sentence that is thrown when it is none. */
export function parseKeystore(text: string, where: string): Keystore {
  try {
    return Keystore.parse(JSON.parse(text));
  } catch {
    // The cause is left out: a parse error may quote the file.
    throw new Error(
      `${where} is no keystore of Web3 Secret Storage version 3 (scrypt or PBKDF2, aes-128-ctr). Restore it from a backup, or name another file.`,
    );
  }
}

/** The private key of a keystore. Throws a sentence when the passphrase is wrong. */
export async function unlock(keystore: Keystore, passphrase: string, where: string): Promise<Hex> {
  try {
    return await openKey(keystore, passphrase);
  } catch (cause) {
    if (cause instanceof WrongPassphrase)
      throw new Error(
        `The passphrase does not open the keystore ${where}, or the file was altered. Give the one it was made with.`,
      );
    const why = cause instanceof Error ? cause.message : "it is damaged";
    throw new Error(`The keystore ${where} cannot be opened: ${why}. Restore it from a backup.`);
  }
}

/** The address of a keystore as it states it, or by opening it when it states none, as Foundry's do not. */
export async function addressOf(path: string, askPassphrase: () => Promise<string>): Promise<Address> {
  const keystore = readKeystore(path);
  return addressIn(keystore) ?? privateKeyToAccount(await unlock(keystore, await askPassphrase(), path)).address;
}
