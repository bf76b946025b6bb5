import * as z from "zod";

const Reply = z.union([z.object({ error: z.object({ message: z.string() }) }), z.object({ result: z.unknown() })]);

/** One call of an Ethereum JSON-RPC server. Rejects when it cannot be reached or answers with an error. */
export async function callRpc(rpcUrl: string, method: string, params: readonly unknown[] = []): Promise<unknown> {
  const response = await fetch(rpcUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    signal: AbortSignal.timeout(10_000),
  });
  const reply = Reply.parse(await response.json());
  if ("error" in reply) throw new Error(`The chain refused ${method}: ${reply.error.message}`);
  return reply.result;
}
