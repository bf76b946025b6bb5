import { recoverTypedDataAddress } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { createSigner } from "./signer.ts";

const token = {
  address: "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
  symbol: "USDC",
  decimals: 6,
  name: "USD Coin",
  version: "2",
} as const;

test("a signer offers authorizations and cancellations and no other signature", () => {
  const signer = createSigner(privateKeyToAccount(generatePrivateKey()), token, 31337);

  expect(Object.keys(signer).sort()).toEqual(["address", "signCancellation", "signTransfer"]);
});

test("a cancellation is signed for the token, the chain and the nonce", async () => {
  const account = privateKeyToAccount(generatePrivateKey());
  const nonce = `0x${"ab".repeat(32)}` as const;

  const signature = await createSigner(account, token, 31337).signCancellation(nonce);

  const signedBy = await recoverTypedDataAddress({
    domain: { name: "USD Coin", version: "2", chainId: 31337, verifyingContract: token.address },
    types: {
      CancelAuthorization: [
        { name: "authorizer", type: "address" },
        { name: "nonce", type: "bytes32" },
      ],
    },
    primaryType: "CancelAuthorization",
    message: { authorizer: account.address, nonce },
    signature,
  });
  expect(signedBy).toBe(account.address);
});
