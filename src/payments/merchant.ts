import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type ServerType, serve } from "@hono/node-server";
import { decodePaymentSignatureHeader } from "@x402/core/http";
import type { RoutesConfig } from "@x402/core/server";
import type { Network, PaymentPayload } from "@x402/core/types";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import {
  declarePaymentIdentifierExtension,
  extractPaymentIdentifier,
  PAYMENT_IDENTIFIER,
  paymentIdentifierResourceServerExtension,
} from "@x402/extensions/payment-identifier";
import { paymentMiddlewareFromHTTPServer, x402HTTPResourceServer, x402ResourceServer } from "@x402/hono";
import { type Context, Hono } from "hono";
import type { Address } from "viem";
import { parseUnits } from "../protocol/money.ts";
import type { Clock } from "../runtime/clock.ts";
import type { LocalFacilitator } from "./facilitator.ts";
import { type LocalService, localServices } from "./local-services.ts";
import type { Replays } from "./replays.ts";
import type { Token } from "./token.ts";

const raisedPrice = "95";
const slowAnswerMs = 20_000;
const paymentHeader = "payment-signature";

export interface MerchantOptions {
  readonly facilitator: LocalFacilitator;
  readonly network: Network;
  readonly token: Token;
  readonly payTo: Address;
  readonly replays: Replays;
  readonly clock: Clock;
  /** 0 for any free one. */
  readonly port: number;
}

/** A running shop on loopback. */
export interface Merchant {
  readonly origin: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Opens the local merchant. Rejects with an `EADDRINUSE` error when the port is taken. */
export async function openMerchant(options: MerchantOptions): Promise<Merchant> {
  const closing = new AbortController();
  const server = await listen(await createShop(options, closing.signal), options.port);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The merchant listens on no port.");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}

async function createShop(options: MerchantOptions, closing: AbortSignal): Promise<Hono> {
  const resources = new x402ResourceServer(options.facilitator)
    .register(options.network, new ExactEvmScheme())
    .registerExtension(paymentIdentifierResourceServerExtension);
  const paidDoor = new x402HTTPResourceServer(resources, routes(options));
  await paidDoor.initialize();

  const shop = new Hono();
  for (const service of localServices) {
    const path = `/${service.name}`;
    if (service.behaviour === "charges-then-fails") failOncePaid(shop, path, service);
    if (service.behaviour === "plain") sellOnce(shop, service, options);
  }
  shop.use(paymentMiddlewareFromHTTPServer(paidDoor, undefined, undefined, false));
  for (const service of localServices)
    shop.get(`/${service.name}`, async (context) => {
      if (service.behaviour === "slow" && !(await waited(slowAnswerMs, closing)))
        return context.json({ error: "The merchant is closing." }, 503);
      return context.json(service.content(new Date(options.clock.now())));
    });
  return shop;
}

/** Whether the whole time passed; false as soon as the signal aborts. */
function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  return delay(ms, true, { signal }).catch(() => false);
}

function routes({ network, token, payTo }: MerchantOptions): RoutesConfig {
  const price = (amount: string) => ({
    asset: token.address,
    amount: String(parseUnits(amount, token.decimals)),
    extra: { name: token.name, version: token.version },
  });
  const sold = localServices.filter((service) => service.behaviour !== "free");
  return Object.fromEntries(
    sold.map((service) => [
      `GET /${service.name}`,
      {
        accepts: {
          scheme: "exact",
          network,
          payTo,
          maxTimeoutSeconds: 60,
          price:
            service.behaviour === "raises-price"
              ? ({ paymentHeader: paid }) => price(paid === undefined ? service.price : raisedPrice)
              : price(service.price),
        },
        description: service.description,
        mimeType: "application/json",
        extensions: { [PAYMENT_IDENTIFIER]: declarePaymentIdentifierExtension(false) },
      },
    ]),
  );
}

/**
 * Answers a payment that was already served with what it bought, without settling anything; also one that was
 * settled just before a kill, and not served.
 */
function sellOnce(shop: Hono, service: LocalService, options: MerchantOptions): void {
  const { replays, facilitator, clock, token, payTo } = options;
  const due = { asset: token.address, payTo, amount: parseUnits(service.price, token.decimals) ?? 0n };
  shop.use(`/${service.name}`, async (context, next) => {
    const payment = identify(context);
    if (payment === undefined) return await next();
    const { id, fingerprint, payload } = payment;
    const sold = replays.find(id);
    if (sold !== undefined)
      return sold.fingerprint === fingerprint
        ? context.body(sold.body, 200, { "content-type": sold.contentType })
        : context.json({ error: "This payment identifier belongs to another payment." }, 409);
    if (replays.hasBegun(id, fingerprint) && (await facilitator.wasSettled(payload, due)))
      context.res = Response.json(service.content(new Date(clock.now())));
    else {
      replays.begin(id, fingerprint);
      await next();
    }
    if (context.res.status !== 200) return;
    const contentType = context.res.headers.get("content-type") ?? "application/json";
    replays.keep(id, { fingerprint, contentType, body: await context.res.clone().text() });
  });
}

function failOncePaid(shop: Hono, path: string, service: LocalService): void {
  shop.use(path, async (context, next) => {
    await next();
    if (context.res.status === 200) context.res = Response.json(service.content(new Date(0)), { status: 500 });
  });
}

function identify(context: Context): { id: string; fingerprint: string; payload: PaymentPayload } | undefined {
  const header = context.req.header(paymentHeader);
  if (header === undefined) return undefined;
  try {
    const payload = decodePaymentSignatureHeader(header);
    const id = extractPaymentIdentifier(payload);
    if (id === null) return undefined;
    const proof = JSON.stringify([context.req.path, payload.payload]);
    return { id, fingerprint: createHash("sha256").update(proof).digest("hex"), payload };
  } catch {
    // Not a payment; the payment middleware says so to the customer.
    return undefined;
  }
}

function listen(shop: Hono, port: number): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: shop.fetch, hostname: "127.0.0.1", port }, () => resolve(server));
    server.once("error", reject);
  });
}
