import type { Command } from "commander";
import { ask, askPassphrase, newPassphrase } from "./passphrase.ts";
import { jsonLine } from "./plain-text.ts";
import { clientOf, type Env, type ServerOptions, withServerOptions } from "./server-access.ts";
import { fields } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** What an address holds. */
interface WalletBalance {
  readonly address: string;
  readonly network: string;
  readonly currency: string;
  /** Decimal string. */
  readonly amount: string;
}

/** What the commands need of the server's parts; all throw a sentence. */
export interface WalletParts {
  /** Where the wallet's key is kept, and its passphrase if the environment has one. */
  keystoreSettings(env: Env): Promise<{ readonly path: string; readonly passphrase: string | undefined }>;
  /** Throws when a file is at the path already. */
  checkNewKeystore(path: string): Promise<void>;
  createKeystore(path: string, passphrase: string): Promise<string>;
  importKey(path: string, secret: string, passphrase: string): Promise<string>;
  keystoreAddress(path: string, passphrase: () => Promise<string>): Promise<string>;
  /** Asks the node of the settings; `undefined` when they name the local chain, which only its server can ask. */
  networkBalance(env: Env, address: () => Promise<string>): Promise<WalletBalance | undefined>;
}

interface WalletOptions {
  readonly keystore?: string;
  readonly json?: boolean;
}

export function addWallet(program: Command, env: Env, parts: WalletParts, terminal: Terminal): void {
  const wallet = program.command("wallet").description("keep the key that pays on networks other than the local chain");
  const settingsOf = async ({ keystore }: WalletOptions) => {
    const { path, passphrase } = await parts.keystoreSettings(env);
    return { path: keystore ?? path, passphrase };
  };
  const addressOf = async (options: WalletOptions) => {
    const { path, passphrase } = await settingsOf(options);
    return await parts.keystoreAddress(path, async () => passphrase ?? (await askPassphrase(path, terminal)));
  };
  const show = (pairs: Readonly<Record<string, string>>, { json }: WalletOptions) => {
    if (json) terminal.print(jsonLine(pairs));
    else for (const line of fields(Object.entries(pairs), terminal.colors)) terminal.print(line);
  };

  withKeystore(wallet.command("create"))
    .description("make a new key and write it, encrypted, to a file that is not there yet")
    .action(async (options: WalletOptions) => {
      const { path, passphrase } = await settingsOf(options);
      await parts.checkNewKeystore(path);
      const address = await parts.createKeystore(path, await newPassphrase(passphrase, terminal));
      show({ address, keystore: path }, options);
    });

  withKeystore(wallet.command("import"))
    .description("take over a private key or a keystore's text from standard input, never from the command line")
    .action(async (options: WalletOptions) => {
      const { path, passphrase } = await settingsOf(options);
      await parts.checkNewKeystore(path);
      const secret = terminal.isInteractive
        ? await ask("The private key, 64 hexadecimal digits")
        : await terminal.readInput();
      const address = await parts.importKey(path, secret, await newPassphrase(passphrase, terminal));
      show({ address, keystore: path }, options);
    });

  withKeystore(wallet.command("address"))
    .description("print the wallet's address, to send it money")
    .action(async (options: WalletOptions) => {
      const address = await addressOf(options);
      terminal.print(options.json ? jsonLine({ address }) : address);
    });

  withServerOptions(wallet.command("balance").option("--keystore <file>", keystoreHelp))
    .description("print what the wallet holds: of the network's node, or on the local chain of the server")
    .action(async (options: WalletOptions & ServerOptions) => {
      const balance =
        (await parts.networkBalance(env, () => addressOf(options))) ?? (await clientOf(options, env).wallet.get());
      const { address, network, currency, amount } = balance;
      show({ address, network, amount, currency }, options);
    });
}

const keystoreHelp = "the file of the key (PAYGENT_KEYSTORE; default keystore.json in the data folder)";

function withKeystore(command: Command): Command {
  return command.option("--keystore <file>", keystoreHelp).option("--json", "print JSON for programs");
}
