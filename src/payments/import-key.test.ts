import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { beforeEach, expect, test } from "vitest";
import { createKey, importKey } from "./import-key.ts";
import { readKeystore, unlock } from "./keystore-file.ts";
import { keysOf, openWalletKeys } from "./wallet-keys.ts";

const passphrase = "testpassword";
const secret = "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
/** The PBKDF2 vector of the Web3 Secret Storage definition, quicker to open than one of ours. */
const keystoreText = JSON.stringify({
  crypto: {
    cipher: "aes-128-ctr",
    cipherparams: { iv: "6087dab2f9fdbbfaddc31a909735c1e6" },
    ciphertext: "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
    kdf: "pbkdf2",
    kdfparams: {
      c: 262_144,
      dklen: 32,
      prf: "hmac-sha256",
      salt: "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
    },
    mac: "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
  },
  version: 3,
});
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paygent-import-"));
  path = join(folder, "deep", "keystore.json");
  return () => rmSync(folder, { recursive: true });
});

test("a keystore of another program is sealed anew, for the owner alone", async () => {
  const address = await importKey(path, `${keystoreText}\n`, passphrase);

  expect(address).toBe(privateKeyToAccount(secret).address);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await unlock(readKeystore(path), passphrase, path)).toBe(secret);
});

test("two keys that are made at once for the same place leave one whole file", async () => {
  const made = await Promise.allSettled([createKey(path, passphrase), createKey(path, passphrase)]);

  const [address] = made.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const refusals = made.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
  expect(refusals).toEqual([expect.stringContaining("is there already and is not overwritten")]);
  const { account } = await openWalletKeys(path, async () => passphrase);
  expect(account.address).toBe(address);
});

test.each([
  ["words", "not a key"],
  ["a number beyond the curve", "f".repeat(64)],
  ["zero", "0".repeat(64)],
  ["half a keystore", '{"version":3'],
])("%s are refused without being repeated", async (_what, input) => {
  const error = await importKey(path, input, passphrase).catch((reason: unknown) => reason);

  expect(String(error)).toMatch(/The input is no (?:private key|keystore)/);
  expect(String(error)).not.toContain(input);
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
});

test("a keystore that others can read is refused until it is closed to them", () => {
  const open = join(folder, "open.json");
  writeFileSync(open, keystoreText, { mode: 0o644 });

  expect(() => readKeystore(open)).toThrow(`run: chmod 600 ${open}`);

  chmodSync(open, 0o600);
  expect(readKeystore(open)).toMatchObject({ version: 3 });
});

test("a wrong passphrase is a sentence that names the keystore", async () => {
  const file = join(folder, "keystore.json");
  writeFileSync(file, keystoreText, { mode: 0o600 });

  await expect(openWalletKeys(file, async () => "wrong")).rejects.toThrow(
    `The passphrase does not open the keystore ${file}, or the file was altered.`,
  );
  expect(readFileSync(file, "utf8")).toBe(keystoreText);
});

test("the nonce secret of a key is the same for ever: another one would let an open payment be signed twice", () => {
  expect(Buffer.from(keysOf(secret).nonceSecret).toString("hex")).toBe(
    "360639a8ec9b85ed5538aefc68b88a8584bd21ea3cbeb4c3ec682cadf9db4fd7",
  );
  expect(keysOf(`0x${"1".repeat(64)}`).nonceSecret).not.toEqual(keysOf(secret).nonceSecret);
});
