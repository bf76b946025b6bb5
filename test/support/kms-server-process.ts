import { getAddress, hexToBytes } from "viem";
import { startServer } from "../../src/server/start.ts";
import { kmsAccount } from "./kms-account.ts";

/** A program that embeds a server whose wallet's key is in a signing service. */
const { TEST_KMS_URL = "", TEST_KMS_ADDRESS = "", TEST_NONCE_SECRET = "" } = process.env;
const account = kmsAccount(TEST_KMS_URL, getAddress(TEST_KMS_ADDRESS));
// Whoever starts this gives hexadecimal bytes.
const nonceSecret = hexToBytes(TEST_NONCE_SECRET as `0x${string}`);
const server = await startServer({ port: 0, live: true }, { wallet: { account, nonceSecret } });

// The test that started this process has ended without ending it.
process.on("disconnect", () => process.exit());
process.send?.({ url: server.url });
