import { type Hex, numberToHex, parseSignature, recoverTypedDataAddress, serializeSignature } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { createSigner, type SigningAccount } from "./signer.ts";

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

const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const nonce = `0x${"cd".repeat(32)}` as const;

/** An account as a signing service gives it, which answers with what a test makes of a right signature. */
function elsewhere(answer: (signature: Hex) => Promise<Hex> | Hex): SigningAccount {
  const key = privateKeyToAccount(generatePrivateKey());
  return { address: key.address, signTypedData: async (typedData) => answer(await key.signTypedData(typedData)) };
}

test("a signing service's right signature is taken", async () => {
  const signature = await createSigner(
    elsewhere((right) => right),
    token,
    31337,
  ).signCancellation(nonce);

  expect(signature).toMatch(/^0x[0-9a-f]{130}$/);
});

test("a signature in the form that tokens refuse is not taken from a signing service", async () => {
  const account = elsewhere((right) => {
    const { r, s, yParity } = parseSignature(right);
    return serializeSignature({ r, s: numberToHex(order - BigInt(s), { size: 32 }), yParity: 1 - yParity });
  });

  await expect(createSigner(account, token, 31337).signCancellation(nonce)).rejects.toMatchObject({
    code: "payment_failed",
    message: expect.stringContaining("that the token does not take"),
  });
});

test("a signing service that never answers is not waited for", async () => {
  const account = elsewhere(() => new Promise<never>(() => undefined));

  await expect(createSigner(account, token, 31337, { timeLimitMs: 20 }).signCancellation(nonce)).rejects.toMatchObject({
    code: "payment_failed",
    message: expect.stringContaining("did not answer within 0.02 seconds"),
  });
});
