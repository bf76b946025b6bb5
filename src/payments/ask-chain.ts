import { BaseError } from "viem";
import { PaygentError } from "../protocol/errors.ts";

/** Turns whatever goes wrong between here and the chain into the one error that a caller acts on. */
export async function askChain<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof PaygentError) throw cause;
    throw new PaygentError("unavailable", "The chain does not answer; try again in a moment.", {
      cause: withoutSecrets(cause),
    });
  }
}

/** The chain library's full messages quote signatures and the RPC address, which may hold an access key. */
function withoutSecrets(error: unknown): unknown {
  return error instanceof BaseError ? new Error(`${error.name}: ${error.shortMessage}`) : error;
}
