import { expect, test } from "vitest";
import { secret, vectors } from "../../test/support/keystore-vectors.ts";
import { addressIn, Keystore, openKey, sealKey, WrongPassphrase } from "./keystore.ts";

test.each(Object.entries(vectors))("the official vector with %s opens", async (_kdf, vector) => {
  expect(await openKey(Keystore.parse(vector), "testpassword")).toBe(secret);
});

test("a wrong passphrase opens nothing", async () => {
  await expect(openKey(Keystore.parse(vectors.pbkdf2), "Testpassword")).rejects.toThrow(WrongPassphrase);
});

test("an altered ciphertext opens nothing", async () => {
  const { crypto } = vectors.pbkdf2;
  const altered = { ...vectors.pbkdf2, crypto: { ...crypto, ciphertext: `63${crypto.ciphertext.slice(2)}` } };

  await expect(openKey(Keystore.parse(altered), "testpassword")).rejects.toThrow(WrongPassphrase);
});

test("a key that was sealed opens with its passphrase, and the file says its address", async () => {
  const sealed = Keystore.parse(JSON.parse(JSON.stringify(await sealKey(secret, "a pässphrase"))));

  expect(addressIn(sealed)).toBe("0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b");
  expect(JSON.stringify(sealed)).not.toContain(secret.slice(2));
  expect(await openKey(sealed, "a pässphrase")).toBe(secret);
});

test("an address that is not the key's is refused", async () => {
  const swapped = { ...vectors.pbkdf2, address: "0x000000000000000000000000000000000000dEaD" };

  await expect(openKey(Keystore.parse(swapped), "testpassword")).rejects.toThrow("not that of its key");
});

test("a file that asks for a machine's whole memory is refused before any work", async () => {
  const { crypto } = vectors.scrypt;
  const greedy = { ...vectors.scrypt, crypto: { ...crypto, kdfparams: { ...crypto.kdfparams, n: 2 ** 24, r: 64 } } };

  await expect(openKey(Keystore.parse(greedy), "testpassword")).rejects.toThrow("1 GiB");
});

test.each([
  ["an older version", { ...vectors.scrypt, version: 1 }],
  ["another cipher", { ...vectors.scrypt, crypto: { ...vectors.scrypt.crypto, cipher: "aes-128-cbc" } }],
  ["no crypto section", { version: 3 }],
])("%s is no keystore", (_what, value) => {
  expect(Keystore.safeParse(value).success).toBe(false);
});
