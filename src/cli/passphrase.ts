import { isCancel, password } from "@clack/prompts";
import { UsageError } from "./exit-codes.ts";
import { plainText } from "./plain-text.ts";
import type { Terminal } from "./terminal.ts";

const fewestChars = 8;

/** Asks for the passphrase of a keystore that is there. */
export async function askPassphrase(path: string, terminal: Terminal): Promise<string> {
  if (!terminal.isInteractive) throw noPassphrase();
  return await ask(`The passphrase of ${plainText(path)}`);
}

/** The passphrase for a new keystore: the one of the environment, or one that a person types twice. */
export async function newPassphrase(given: string | undefined, terminal: Terminal): Promise<string> {
  if (given === undefined && !terminal.isInteractive) throw noPassphrase();
  const passphrase = given ?? (await ask("A passphrase for the new keystore; without it the money is lost"));
  if (passphrase.length < fewestChars)
    throw new UsageError(`The passphrase is too short; take at least ${fewestChars} characters.`);
  if (given === undefined && (await ask("The same passphrase again")) !== passphrase)
    throw new UsageError("The two passphrases differ; nothing was written. Try again.");
  return passphrase;
}

/** Asks for something that must not be shown. */
export async function ask(message: string): Promise<string> {
  const answer = await password({ message });
  if (isCancel(answer)) throw new UsageError("Nothing was given, so nothing was done.");
  return answer ?? "";
}

function noPassphrase(): UsageError {
  return new UsageError(
    "A passphrase is needed: set PAYGENT_KEYSTORE_PASSPHRASE or PAYGENT_KEYSTORE_PASSPHRASE_FILE, or use a terminal to be asked.",
  );
}
