import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { getAddress } from "viem";
import { createFacilitator } from "../../src/payments/facilitator.ts";

/** A hosted facilitator: in a process of its own, spoken to by x402's HTTP interface, on the chain that it is told of. */
const { TEST_RPC_URL = "", TEST_NETWORK = "", TEST_SETTLER = "" } = process.env;
// Whoever starts this gives a CAIP-2 id.
const facilitator = createFacilitator(TEST_RPC_URL, TEST_NETWORK as `eip155:${string}`, getAddress(TEST_SETTLER));

const app = new Hono();
app.get("/supported", async (context) => context.json(await facilitator.getSupported()));
app.post("/verify", async (context) => {
  const { paymentPayload, paymentRequirements } = await context.req.json();
  return context.json(await facilitator.verify(paymentPayload, paymentRequirements));
});
app.post("/settle", async (context) => {
  const { paymentPayload, paymentRequirements } = await context.req.json();
  return context.json(await facilitator.settle(paymentPayload, paymentRequirements));
});
app.onError((error, context) => context.json({ error: error.message }, 500));

// The test that started this process has ended without ending it.
process.on("disconnect", () => process.exit());
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
