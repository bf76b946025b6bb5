import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { decodePaymentSignatureHeader } from "@x402/core/http";
import type { FacilitatorClient } from "@x402/core/server";
import type { SettleResponse } from "@x402/core/types";
import { type Address, getAddress } from "viem";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import type { Token } from "../../src/payments/token.ts";
import type { ServiceCertificate } from "./certificates.ts";

/** One request at a stall, and what the stall can do with it. */
export interface Visit {
  readonly stall: Stall;
  /** The payment that came along. */
  readonly payment: string | undefined;
  /** How many payments this stall has been sent, this one included. */
  readonly payments: number;
  readonly response: ServerResponse;
  /** Answers 402 with an offer: some options, or the text of a header. */
  demand(offer: readonly object[] | string, about?: { description?: string }): void;
  /** Has the payment settled, as an honest service would before it answers. */
  settle(): Promise<SettleResponse>;
  answer(status: number, body?: string | Buffer, headers?: Readonly<Record<string, string>>): void;
}

export interface StallBehaviour {
  /** Answers who has not paid; an honest offer of 0.10 unless told. */
  quote?(visit: Visit): unknown;
  /** Answers who has; unless told it settles and delivers. */
  paid?(visit: Visit): unknown;
}

/** A service of the shop. Nobody else pays to its two addresses, so what it was paid can be counted. */
export interface Stall {
  readonly name: string;
  readonly url: string;
  readonly payTo: Address;
  readonly accomplice: Address;
  /** Every payment that it was sent, as it came. */
  readonly payments: readonly string[];
  /** The honest option: 0.10 to `payTo`. */
  option(change?: object): Record<string, unknown>;
}

/** A shop on loopback whose services behave as tests want, with a facilitator that settles what is to be settled. */
export interface HostileShop {
  readonly origin: string;
  readonly stalls: readonly Stall[];
  open(name: string, behaviour: StallBehaviour): Stall;
  /** From the next connection on a shop that speaks TLS shows this; those that are open are cut. */
  showCertificate(certificate: ServiceCertificate): void;
  close(): Promise<void>;
}

export const goods = '{"sold":true}';

export async function openHostileShop(parts: {
  readonly facilitator: FacilitatorClient;
  readonly network: string;
  readonly token: Token;
  /** With it the shop speaks https. */
  readonly certificate?: ServiceCertificate | undefined;
}): Promise<HostileShop> {
  const behaviours = new Map<string, { stall: Stall & { payments: string[] }; behaviour: StallBehaviour }>();
  const { certificate } = parts;
  const listener = (request: IncomingMessage, response: ServerResponse) => void serve(request, response);
  let secured: TlsServer | undefined;
  if (certificate !== undefined) secured = createTlsServer(certificate, listener);
  const server = secured ?? createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The shop has no port.");
  const origin = `${secured === undefined ? "http" : "https"}://127.0.0.1:${address.port}`;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = behaviours.get(new URL(request.url ?? "/", origin).pathname.slice(1));
    if (found === undefined) return void response.writeHead(404).end();
    const { stall, behaviour } = found;
    const payment = request.headers["payment-signature"];
    if (typeof payment === "string") stall.payments.push(payment);
    const visit = visitOf(stall, typeof payment === "string" ? payment : undefined, response);
    if (visit.payment === undefined) await (behaviour.quote ?? honestQuote)(visit);
    else await (behaviour.paid ?? honestSale)(visit);
  }

  function visitOf(stall: Stall, payment: string | undefined, response: ServerResponse): Visit {
    const visit: Visit = {
      stall,
      payment,
      payments: stall.payments.length,
      response,
      demand(offer, about = {}) {
        const header =
          typeof offer === "string"
            ? offer
            : base64({
                x402Version: 2,
                resource: { url: stall.url, mimeType: "text/plain", ...about },
                accepts: offer,
              });
        visit.answer(402, "{}", { "payment-required": header });
      },
      async settle() {
        const payload = decodePaymentSignatureHeader(payment ?? "");
        return await parts.facilitator.settle(payload, payload.accepted);
      },
      answer: (status, body = "", headers = {}) =>
        void response.writeHead(status, { "content-type": "application/json", ...headers }).end(body),
    };
    return visit;
  }

  return {
    origin,
    get stalls() {
      return [...behaviours.values()].map(({ stall }) => stall);
    },
    open(name, behaviour) {
      const payTo = getAddress(privateKeyToAddress(generatePrivateKey()));
      const stall = {
        name,
        url: `${origin}/${name}`,
        payTo,
        accomplice: getAddress(privateKeyToAddress(generatePrivateKey())),
        payments: [],
        option: (change: object = {}) => ({
          scheme: "exact",
          network: parts.network,
          amount: "100000",
          asset: parts.token.address,
          payTo,
          maxTimeoutSeconds: 60,
          extra: { name: parts.token.name, version: parts.token.version },
          ...change,
        }),
      };
      behaviours.set(name, { stall, behaviour });
      return stall;
    },
    showCertificate(certificate) {
      secured?.setSecureContext(certificate);
      server.closeAllConnections();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export function base64(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64");
}

function honestQuote(visit: Visit): void {
  visit.demand([visit.stall.option()]);
}

async function honestSale(visit: Visit): Promise<void> {
  const settled = await visit.settle();
  if (settled.success) visit.answer(200, goods, { "payment-response": base64(settled) });
  else honestQuote(visit);
}
