import { join } from "node:path";
import { x402Client, x402HTTPClient } from "@x402/core/client";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { openWalletSecrets } from "../src/payments/wallet-secrets.ts";

/** Pays a page by the x402 library alone: no policy, no record, no look at the chain. */
export function barePayer(dataDir: string): (url: string) => Promise<void> {
  const { account } = openWalletSecrets(join(dataDir, "chain"));
  const schemes = [{ network: "eip155:31337" as const, client: new ExactEvmScheme(account) }];
  // The library knows no token of a local chain, and would refuse to pay with one.
  const client = new x402HTTPClient(x402Client.fromConfig({ schemes, spendControls: false }));
  return async (url) => {
    const asked = await fetch(url);
    await asked.body?.cancel();
    const required = client.getPaymentRequiredResponse((name) => asked.headers.get(name));
    const headers = client.encodePaymentSignatureHeader(await client.createPaymentPayload(required));
    const paid = await fetch(url, { headers });
    if (paid.status !== 200) throw new Error(`The merchant answered ${paid.status} to a payment.`);
    await paid.text();
  };
}
