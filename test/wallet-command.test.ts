import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { Keystore, openKey } from "../src/payments/keystore.ts";
import { writeKeystore } from "../src/payments/keystore-file.ts";
import { paygent } from "./support/command-line.ts";
import { type OtherChain, startOtherChain } from "./support/other-chain.ts";

const passphrase = "correct horse battery";
let chain: OtherChain;
let folder: string;
let keystore: string;
/** Where a key is made and kept. */
let env: Record<string, string>;

beforeAll(async () => {
  chain = await startOtherChain();
  return () => chain.close();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paygent-keys-"));
  keystore = join(folder, "keystore.json");
  env = { PAYGENT_DATA_DIR: folder, PAYGENT_KEYSTORE_PASSPHRASE: passphrase };
  return () => rmSync(folder, { recursive: true });
});

async function keyAt(path: string): Promise<string> {
  return await openKey(Keystore.parse(JSON.parse(readFileSync(path, "utf8"))), passphrase);
}

test("create makes a key that only its owner may read, and never makes another over it", async () => {
  const created = await paygent(["wallet", "create", "--json"], env);

  expect(created).toMatchObject({ code: 0, err: "" });
  const { address } = JSON.parse(created.out);
  expect(JSON.parse(created.out)).toEqual({
    address: privateKeyToAccount((await keyAt(keystore)) as `0x${string}`).address,
    keystore,
  });
  expect(statSync(keystore).mode & 0o777).toBe(0o600);
  expect(await paygent(["wallet", "address"], { PAYGENT_DATA_DIR: folder })).toMatchObject({
    code: 0,
    out: `${address}\n`,
  });
  const before = readFileSync(keystore, "utf8");
  const again = await paygent(["wallet", "create"], env);
  expect(again.code).toBe(1);
  expect(again.err).toContain(`${keystore} is there already and is not overwritten`);
  expect(readFileSync(keystore, "utf8")).toBe(before);
});

test("import takes a private key from standard input, and its text appears nowhere", async () => {
  const key = generatePrivateKey();

  const imported = await paygent(["wallet", "import", "--keystore", join(folder, "other.json")], env, `${key}\n`);

  expect(imported).toMatchObject({ code: 0, err: "" });
  expect(imported.out).toContain(privateKeyToAccount(key).address);
  expect(await keyAt(join(folder, "other.json"))).toBe(key);
  expect(imported.out + readFileSync(join(folder, "other.json"), "utf8")).not.toContain(key.slice(2));
});

test("without a terminal or a setting no passphrase is made up", async () => {
  const { code, err } = await paygent(["wallet", "create"], { PAYGENT_DATA_DIR: folder });

  expect(code).toBe(2);
  expect(err).toContain("PAYGENT_KEYSTORE_PASSPHRASE_FILE");
  expect(statSync(keystore, { throwIfNoEntry: false })).toBeUndefined();
});

test("a passphrase file opens a keystore that does not say its address", async () => {
  const key = generatePrivateKey();
  await writeKeystore(keystore, key, passphrase);
  const { address: _address, ...rest } = JSON.parse(readFileSync(keystore, "utf8"));
  writeFileSync(keystore, JSON.stringify(rest));
  writeFileSync(join(folder, "passphrase"), `${passphrase}\n`);

  const { code, out } = await paygent(["wallet", "address", "--json"], {
    PAYGENT_KEYSTORE: keystore,
    PAYGENT_KEYSTORE_PASSPHRASE_FILE: join(folder, "passphrase"),
  });

  expect({ code, out }).toEqual({ code: 0, out: `${JSON.stringify({ address: privateKeyToAccount(key).address })}\n` });
});

test("balance and doctor ask the network's node, and a start without --live says what is missing", async () => {
  await writeKeystore(keystore, chain.payerKey, passphrase);
  const all = { ...env, ...chain.env, PORT: "9" };

  const balance = await paygent(["wallet", "balance", "--json"], all);
  const doctor = await paygent(["doctor", "--json"], all);
  const started = await paygent(["start"], all);

  expect(JSON.parse(balance.out)).toEqual({
    address: chain.payer,
    network: "eip155:84532",
    amount: "100.00",
    currency: "USDC",
  });
  const findings = doctor.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(findings).toContainEqual({
    name: "chain",
    state: "ok",
    text: `eip155:84532, USDC at ${chain.token}, 2 services listed; a start needs --live`,
  });
  expect(findings).toContainEqual({
    name: "wallet",
    state: "warn",
    text: expect.stringContaining(`${chain.payer} holds 100.00 USDC; no relayer`),
  });
  expect(started).toMatchObject({ code: 1, err: expect.stringContaining("Start with --live to allow that") });
  expect(doctor.out + balance.out + doctor.err + started.err).not.toContain(passphrase);
});

test("doctor fails on a wrong chain and a missing key, and says the way out", async () => {
  const { code, out } = await paygent(["doctor"], { ...env, ...chain.env, PAYGENT_CHAIN: "eip155:8453" });

  expect(code).toBe(1);
  expect(out).toMatch(/fail {2}chain .*leads to the chain eip155:84532/);
  expect(out).toMatch(/fail {2}wallet .*paygent wallet create/);
});
