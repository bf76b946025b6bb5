import { x402Facilitator } from "@x402/core/facilitator";
import type { FacilitatorClient } from "@x402/core/server";
import type { Network, PaymentPayload, SupportedResponse } from "@x402/core/types";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import {
  type Address,
  createWalletClient,
  getAddress,
  http,
  isAddressEqual,
  parseEventLogs,
  publicActions,
} from "viem";
import * as z from "zod";
import { createLane } from "./lane.ts";
import { tokenAbi } from "./token.ts";

/** A facilitator that can also say whether a payment has been settled before. */
export interface LocalFacilitator extends FacilitatorClient {
  /** Whether the chain has moved this amount to this payee by the payment's own authorization. */
  wasSettled(payload: PaymentPayload, due: AmountDue): Promise<boolean>;
}

interface AmountDue {
  readonly asset: Address;
  readonly payTo: Address;
  readonly amount: bigint;
}

const Hex = z.templateLiteral(["0x", z.string()]);
const Account = z.string().transform((text) => getAddress(text));
const Exact = z.object({ authorization: z.object({ from: Account, nonce: Hex }) });

/**
 * An x402 facilitator inside this process. `settler` is an account that the chain itself signs for; it pays
 * the gas and can move nobody's tokens without their signature.
 */
export function createFacilitator(rpcUrl: string, network: Network, settler: Address): LocalFacilitator {
  const client = createWalletClient({
    account: settler,
    transport: http(rpcUrl),
    pollingInterval: 25,
    cacheTime: 0,
  }).extend(publicActions);
  const lane = createLane();
  const signer = toFacilitatorEvmSigner({
    address: settler,
    readContract: (call) => client.readContract({ ...call, args: call.args ?? [] }),
    // The schemes give typed data of any shape, which viem's type wants spelled out.
    verifyTypedData: (call) => client.verifyTypedData(call as Parameters<typeof client.verifyTypedData>[0]),
    writeContract: (call) => lane(() => client.writeContract({ ...call, chain: null })),
    sendTransaction: (call) => lane(() => client.sendTransaction({ ...call, chain: null })),
    waitForTransactionReceipt: (call) => client.waitForTransactionReceipt(call),
    getCode: (call) => client.getCode(call),
  });
  const facilitator = new x402Facilitator().register(network, new ExactEvmScheme(signer));
  return {
    verify: (payload, requirements) => facilitator.verify(payload, requirements),
    settle: (payload, requirements) => facilitator.settle(payload, requirements),
    async wasSettled({ payload }, { asset, payTo, amount }) {
      const { authorization } = Exact.parse(payload);
      const [used] = await client.getContractEvents({
        address: asset,
        abi: tokenAbi,
        eventName: "AuthorizationUsed",
        args: { authorizer: authorization.from, nonce: authorization.nonce },
        fromBlock: 0n,
        strict: true,
      });
      if (used === undefined) return false;
      const receipt = await client.getTransactionReceipt({ hash: used.transactionHash });
      return parseEventLogs({ abi: tokenAbi, eventName: "Transfer", logs: receipt.logs }).some(
        ({ address, args }) =>
          isAddressEqual(address, asset) &&
          args.from === authorization.from &&
          isAddressEqual(args.to, payTo) &&
          args.value === amount,
      );
    },
    // Its networks are those that were registered above; the library's type has forgotten their form.
    getSupported: async () => facilitator.getSupported() as SupportedResponse,
  };
}
