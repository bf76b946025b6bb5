import type { WalletParts } from "../../src/cli/wallet.ts";

const refuse = () => Promise.reject(new Error("This command line has no wallet."));

/** For tests of commands that have nothing to do with a wallet. */
export const noWallet: WalletParts = {
  keystoreSettings: refuse,
  checkNewKeystore: refuse,
  createKeystore: refuse,
  importKey: refuse,
  keystoreAddress: refuse,
  networkBalance: refuse,
};
