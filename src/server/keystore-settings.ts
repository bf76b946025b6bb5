import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Env, text } from "./environment.ts";

/** Where a key is kept, and what opens it; without a passphrase a person has to be asked. */
export interface KeystoreSettings {
  readonly path: string;
  readonly passphrase: string | undefined;
}

/** The keystore of the wallet. Throws a sentence that names the setting that is wrong. */
export function readKeystoreSettings(env: Env, dataDir: string): KeystoreSettings {
  return {
    path: text(env, "PAYGENT_KEYSTORE") ?? join(dataDir, "keystore.json"),
    passphrase: passphraseOf("PAYGENT_KEYSTORE_PASSPHRASE", {
      given: secret(env, "PAYGENT_KEYSTORE_PASSPHRASE"),
      file: text(env, "PAYGENT_KEYSTORE_PASSPHRASE_FILE"),
    }),
  };
}

/** The keystore of the relayer, if there is one. Throws like `readKeystoreSettings`. */
export function readRelayerSettings(env: Env): KeystoreSettings | undefined {
  const path = text(env, "PAYGENT_RELAYER_KEYSTORE");
  const passphrase = passphraseOf("PAYGENT_RELAYER_PASSPHRASE", {
    given: secret(env, "PAYGENT_RELAYER_PASSPHRASE"),
    file: text(env, "PAYGENT_RELAYER_PASSPHRASE_FILE"),
  });
  return path === undefined ? undefined : { path, passphrase };
}

/** Space belongs to a passphrase. */
function secret(env: Env, name: string): string | undefined {
  return env[name] === "" ? undefined : env[name];
}

function passphraseOf(name: string, { given, file }: { given: string | undefined; file: string | undefined }) {
  if (given !== undefined && file !== undefined) throw new Error(`Set ${name} or ${name}_FILE, not both.`);
  if (file === undefined) return given;
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (cause) {
    throw new Error(`${name}_FILE names ${file}, which cannot be read. Correct it, or the file's owner.`, { cause });
  }
  // Editors and `echo` end a file with a line break that nobody typed as part of the passphrase.
  const passphrase = content.replace(/\r?\n$/, "");
  if (passphrase === "") throw new Error(`${name}_FILE names ${file}, which is empty. Write the passphrase into it.`);
  return passphrase;
}
