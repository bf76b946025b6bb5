import { PaygentError } from "../protocol/errors.ts";
import type { PaymentTerms, ServiceResponse, SignedPayment } from "../protocol/payment.ts";
import type { Quote } from "../runtime/wallet.ts";
import { requestService, type ServiceAnswer } from "./service-request.ts";
import { type Accepted, parseTerms } from "./terms.ts";

/** Which services may be asked. */
export interface ServiceGate {
  /** Whether the wallet may ask and pay this address. */
  allowUrl(url: URL): boolean | Promise<boolean>;
}

/** Asks a service for its price without paying. Throws what `Wallet.quote` does. */
export async function quoteService(
  text: string,
  { gate, accepted, signal }: { gate: ServiceGate; accepted: Accepted; signal: AbortSignal },
): Promise<Quote> {
  const url = await checkUrl(text, gate);
  const answer = await requestService(url, { signal });
  if (answer.status >= 300 && answer.status < 400)
    throw new PaygentError(
      "tool_failed",
      `${url.host} sends the request on to another address, which is not followed; ask for that address itself.`,
    );
  if (answer.status !== 402) return { kind: "free", response: withoutHeaders(answer) };
  const header = answer.headers.get("payment-required");
  if (header === null)
    throw new PaygentError(
      "payment_terms_invalid",
      `${url.host} asks for a payment but not by x402 version 2, which is all that this wallet speaks; use another service.`,
    );
  return { kind: "paid", terms: parseTerms(url.href, header, accepted) };
}

/** Shows a service exactly the signed bytes. */
export async function payService(
  terms: PaymentTerms,
  signed: SignedPayment,
  { gate, signal }: { gate: ServiceGate; signal: AbortSignal },
): Promise<ServiceResponse> {
  const url = await checkUrl(terms.url, gate);
  const headers = { "payment-signature": signed.header };
  return withoutHeaders(await requestService(url, { headers, signal }));
}

async function checkUrl(text: string, gate: ServiceGate): Promise<URL> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === undefined || !isWeb || url.username !== "" || url.password !== "" || !(await gate.allowUrl(url)))
    throw new PaygentError(
      "url_blocked",
      `${url?.host || "This address"} may not be asked or paid by this wallet; use a service of the catalogue.`,
    );
  url.hash = "";
  return url;
}

function withoutHeaders({ status, contentType, body }: ServiceAnswer): ServiceResponse {
  return { status, contentType, body };
}
