import { createPublicClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { addressIn } from "./keystore.ts";
import { readKeystore, unlock } from "./keystore-file.ts";
import { networkBalance } from "./network-balance.ts";
import { checkFacilitator } from "./network-check.ts";
import type { NetworkOptions } from "./network-world.ts";
import { tokenOn } from "./networks.ts";
import { readServiceList } from "./service-list.ts";

interface SealedKey {
  readonly path: string;
  readonly passphrase: string | undefined;
}

/** What a check found out; `warn` for what hinders no start but some payments. */
export interface WalletFinding {
  readonly state: "ok" | "warn";
  readonly text: string;
}

/** Says what a network's settings lead to, or throws the sentence with which a server would refuse to start. */
export async function describeNetwork(options: NetworkOptions): Promise<string> {
  const { network, rpcUrl, facilitatorUrl, asset, servicesPath } = options;
  const token = tokenOn(network, asset);
  const services = servicesPath === undefined ? [] : readServiceList(servicesPath);
  await networkBalance({ network, rpcUrl, asset }, token.address);
  if (facilitatorUrl !== undefined) await checkFacilitator(facilitatorUrl, network);
  return `${network}, ${token.symbol} at ${token.address}, ${services.length} services listed; a start needs --live`;
}

/** Opens the keys as far as the settings have their passphrases, and looks what they hold. Throws a sentence. */
export async function checkWallet(
  options: NetworkOptions & { readonly keystore: SealedKey; readonly relayer: SealedKey | undefined },
): Promise<WalletFinding> {
  const address = await addressWithin(options.keystore);
  if (address === undefined)
    return warn(`${options.keystore.path} does not say its address; its passphrase is asked for at the start`);
  const { amount, currency } = await networkBalance(options, address);
  const holds = `${address} holds ${amount} ${currency}`;
  if (/^0\.0+$/.test(amount)) return warn(`${holds}; send it some before it can pay`);
  if (options.relayer === undefined)
    return warn(`${holds}; no relayer (PAYGENT_RELAYER_KEYSTORE), so what a service does not take can only expire`);
  const relayer = await addressWithin(options.relayer);
  if (relayer === undefined) return ok(`${holds}; the relayer's address is not known before the start`);
  const gas = await createPublicClient({ transport: http(options.rpcUrl, { timeout: 10_000 }) }).getBalance({
    address: relayer,
  });
  if (gas === 0n) return warn(`${holds}; the relayer ${relayer} has no coin to pay gas with: send it some`);
  return ok(`${holds}; the relayer ${relayer} pays gas`);
}

const ok = (text: string): WalletFinding => ({ state: "ok", text });
const warn = (text: string): WalletFinding => ({ state: "warn", text });

async function addressWithin({ path, passphrase }: SealedKey) {
  const keystore = readKeystore(path);
  if (passphrase === undefined) return addressIn(keystore);
  return privateKeyToAccount(await unlock(keystore, passphrase, path)).address;
}
