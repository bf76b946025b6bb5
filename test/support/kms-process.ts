import { setTimeout as delay } from "node:timers/promises";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import * as z from "zod";

/**
 * A signing service: a process of its own that has a key, shows it to nobody, and signs typed data over HTTP. What
 * it does can be changed by `POST /behave`.
 */
// Whoever starts this gives a key.
const account = privateKeyToAccount(process.env.TEST_KEY as `0x${string}`);
const stranger = privateKeyToAccount(generatePrivateKey());

const Behaviour = z.object({
  /** `forge` signs with another key, `babble` answers with no signature, `silent` never answers. */
  way: z.enum(["sign", "refuse", "refuse-cancellations", "forge", "babble", "silent"]).default("sign"),
  delayMs: z.number().default(0),
});
let behaviour = Behaviour.parse({});

const app = new Hono();
app.post("/behave", async (context) => {
  behaviour = Behaviour.parse(await context.req.json());
  return context.json(behaviour);
});
app.post("/sign", async (context) => {
  const typedData = await context.req.json();
  const { way, delayMs } = behaviour;
  await delay(delayMs);
  const isCancellation = typedData.primaryType === "CancelAuthorization";
  if (way === "refuse" || (way === "refuse-cancellations" && isCancellation)) {
    return context.json({ error: "AccessDeniedException: the key's policy allows no such signature" }, 403);
  }
  if (way === "silent") return new Promise<Response>(() => undefined);
  if (way === "babble") return context.json({ signature: "0x1234" });
  return context.json({ signature: await (way === "forge" ? stranger : account).signTypedData(typedData) });
});

// The test that started this process has ended without ending it.
process.on("disconnect", () => process.exit());
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
