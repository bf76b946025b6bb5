import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { beforeEach, expect, test } from "vitest";
import { secret, vectors } from "../../test/support/keystore-vectors.ts";
import { createKey, importKey } from "./import-key.ts";
import { readKeystore, unlock } from "./keystore-file.ts";
import { keysOf, openWalletKeys } from "./wallet-keys.ts";

const passphrase = "testpassword";
/** Quicker to open than one of ours. */
const keystoreText = JSON.stringify(vectors.pbkdf2);
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

test("a keystore is read from a secret of the mode that the Kubernetes manifest names", () => {
  const manifest = readFileSync("deploy/kubernetes.yaml", "utf8");
  const [, mode] = /defaultMode: (0\d+)/.exec(manifest) ?? [];
  const mounted = join(folder, "mounted.json");
  writeFileSync(mounted, keystoreText);
  chmodSync(mounted, Number.parseInt(mode ?? "", 8));
  const owner = statSync(mounted).uid;

  expect(readKeystore(mounted, owner + 1)).toMatchObject({ version: 3 });
  for (const reader of [owner, 0]) expect(() => readKeystore(mounted, reader)).toThrow(`run: chmod 600 ${mounted}`);
});

test.each([
  ["0444", 0o444],
  ["0460", 0o460],
])("a keystore of another user with the mode %s is refused", (_name, mode) => {
  const mounted = join(folder, "mounted.json");
  writeFileSync(mounted, keystoreText);
  chmodSync(mounted, mode);

  expect(() => readKeystore(mounted, statSync(mounted).uid + 1)).toThrow("give it the mode 0440 where it comes from");
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
