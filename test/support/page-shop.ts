import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { decodePaymentSignatureHeader } from "@x402/core/http";
import { createWalletClient, getAddress, type Hex, http, parseAbi, parseSignature, publicActions } from "viem";
import * as z from "zod";
import { callRpc } from "../../src/payments/json-rpc.ts";
import type { LocalWorld } from "../../src/payments/local-world.ts";

const abi = parseAbi([
  "function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)",
]);
const Payload = z.object({
  signature: z.string(),
  authorization: z.object({
    from: z.string(),
    to: z.string(),
    value: z.string(),
    validAfter: z.string(),
    validBefore: z.string(),
    nonce: z.string(),
  }),
});

/** A request as the shop got it. */
export interface ShopRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: string;
  /** The payment header, where there was one. */
  readonly payment: string | undefined;
}

export interface PageShop {
  /** `host:port`. */
  readonly host: string;
  readonly payTo: string;
  readonly requests: ShopRequest[];
  /** What it does with a paid request; by default it settles and delivers. */
  onPaid: (request: ShopRequest, response: ServerResponse) => Promise<void>;
  /** Takes the money of a payment header. */
  settle(payment: string): Promise<void>;
  close(): Promise<void>;
}

/** A page on this machine that costs 0.10 USDC, whatever the method, and settles by itself on the chain. */
export async function openPageShop(world: LocalWorld): Promise<PageShop> {
  const accounts = z.array(z.string()).parse(await callRpc(world.rpcUrl, "eth_accounts"));
  // The account that made the token pays the gas; nobody else of this world uses it any more.
  const settler = getAddress(accounts[0] ?? "");
  const payTo = getAddress("0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359");
  const chain = createWalletClient({ account: settler, transport: http(world.rpcUrl), pollingInterval: 25 }).extend(
    publicActions,
  );
  const { token } = world;

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const payment = request.headers["payment-signature"];
    const got: ShopRequest = {
      method: request.method,
      url: request.url,
      body: await text(request),
      payment: Array.isArray(payment) ? payment[0] : payment,
    };
    shop.requests.push(got);
    if (got.payment !== undefined) return shop.onPaid(got, response);
    const offer = {
      x402Version: 2,
      resource: { url: `http://${shop.host}${got.url}`, description: "A page." },
      accepts: [
        {
          scheme: "exact",
          network: "eip155:31337",
          asset: token.address,
          amount: "100000",
          payTo,
          maxTimeoutSeconds: 60,
          extra: { name: token.name, version: token.version },
        },
      ],
    };
    response.writeHead(402, { "payment-required": Buffer.from(JSON.stringify(offer)).toString("base64") }).end();
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const shop: PageShop = {
    // A listening TCP server has an address with a port.
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    payTo,
    requests: [],
    async onPaid(request, response) {
      await shop.settle(request.payment ?? "");
      response.writeHead(200, { "content-type": "text/plain" }).end(`paid: ${request.method} ${request.body}`);
    },
    async settle(payment) {
      const { signature, authorization } = Payload.parse(decodePaymentSignatureHeader(payment).payload);
      const { r, s, yParity } = parseSignature(signature as Hex); // The wallet writes hexadecimal.
      const { value, validAfter, validBefore, nonce } = authorization;
      const [from, to] = [getAddress(authorization.from), getAddress(authorization.to)];
      const window = [BigInt(validAfter), BigInt(validBefore)] as const;
      const args = [from, to, BigInt(value), ...window, nonce as Hex, 27 + yParity, r, s] as const;
      const call = {
        address: token.address,
        abi,
        functionName: "transferWithAuthorization",
        args,
        chain: null,
      } as const;
      await chain.waitForTransactionReceipt({ hash: await chain.writeContract(call) });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return shop;
}
