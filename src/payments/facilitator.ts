import { x402Facilitator } from "@x402/core/facilitator";
import type { FacilitatorClient } from "@x402/core/server";
import type { Network, SupportedResponse } from "@x402/core/types";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { type Address, createWalletClient, http, publicActions } from "viem";
import { createLane } from "./lane.ts";

/**
 * An x402 facilitator inside this process. `settler` is an account that the chain itself signs for; it pays
 * the gas and can move nobody's tokens without their signature.
 */
export function createFacilitator(rpcUrl: string, network: Network, settler: Address): FacilitatorClient {
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
    // Its networks are those that were registered above; the library's type has forgotten their form.
    getSupported: async () => facilitator.getSupported() as SupportedResponse,
  };
}
