import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Hex, isHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import * as z from "zod";
import { createSigner } from "../../src/payments/signer.ts";
import type { Token } from "../../src/payments/token.ts";
import { openStoreForReading } from "../../src/store/database.ts";
import type { TestDatabase } from "./database.ts";

const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** What must not be found, with a name for it. */
export type Secret = readonly [what: string, text: string];

/** The command line, whose output is written down, line by line. */
export function spawnRecorded(args: readonly string[], env: Record<string, string | undefined>, written: string[]) {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const first = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      written.push(line);
      if (line.startsWith('{"url"')) first.resolve(line);
    });
  return { child, firstLine: first.promise, ended: once(child, "close") };
}

/** The names of the secrets that stand in what was written, in any form. */
export function secretsIn(written: readonly string[], secrets: readonly Secret[]): string[] {
  const text = written.join("\n").toLowerCase();
  return secrets
    .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form.toLowerCase())))
    .map(([what]) => what);
}

/** As it stands, without a prefix, and as base64. */
function formsOf(secret: string): string[] {
  if (!isHex(secret)) return [secret];
  const bytes = Buffer.from(secret.slice(2), "hex");
  return [secret.slice(2), bytes.toString("base64"), bytes.toString("base64url")];
}

const Signed = z.object({ header: z.string(), nonce: z.custom<Hex>(isHex) });
const Payload = z.object({ payload: z.object({ signature: z.custom<Hex>(isHex) }) });

/** Every payment's header and signature, and the signature that would have cancelled it. */
export async function paymentSecrets(
  database: TestDatabase,
  { key, token, chainId }: { readonly key: Hex; readonly token: Token["address"]; readonly chainId: number },
): Promise<Secret[]> {
  const usdc = { address: token, symbol: "USDC", decimals: 6, name: "USD Coin", version: "2" };
  const signer = createSigner(privateKeyToAccount(key), usdc, chainId);
  const url = database.env.DATABASE_URL;
  const store = await openStoreForReading(url === undefined ? { dataDir: database.dataDir } : { url });
  try {
    const rows = await store.db.selectFrom("payments").select("signed").execute();
    const found: Secret[] = [];
    for (const { signed } of rows) {
      if (signed === null) continue;
      const { header, nonce } = Signed.parse(JSON.parse(signed));
      const { payload } = Payload.parse(JSON.parse(Buffer.from(header, "base64").toString()));
      const cancellation = await signer.signCancellation(nonce);
      found.push(["a payment header", header], ["a signature", payload.signature]);
      // The parts in which a contract is given it.
      found.push(["a cancellation's r", cancellation.slice(0, 66)], ["its s", `0x${cancellation.slice(66, 130)}`]);
    }
    return found;
  } finally {
    await store.close();
  }
}
