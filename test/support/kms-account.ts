import { type Address, type Hex, type LocalAccount, stringify } from "viem";
import { toAccount } from "viem/accounts";

/** An account whose key is in a signing service: the way an embedding program gives Paygent one. */
export function kmsAccount(url: string, address: Address): LocalAccount {
  return toAccount({
    address,
    async signTypedData(typedData) {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}/sign`, { method: "POST", headers, body: stringify(typedData) });
      if (!response.ok) throw new Error(`The signing service answered ${response.status}: ${await response.text()}`);
      // What the service says is checked by whoever asked for it.
      const { signature } = (await response.json()) as { signature: Hex };
      return signature;
    },
    signMessage: () => Promise.reject(new Error("The wallet signs no messages.")),
    signTransaction: () => Promise.reject(new Error("The wallet signs no transactions.")),
  });
}
