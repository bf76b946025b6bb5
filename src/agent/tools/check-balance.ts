import * as z from "zod";
import type { Tool } from "../../runtime/tool.ts";
import type { Wallet } from "../../runtime/wallet.ts";

/** Tells the agent what it has: the wallet's money and what is left of the session's budget. */
export function checkBalance(wallet: Wallet): Tool {
  return {
    name: "check_balance",
    description: "See how much money the wallet holds and how much of this session's budget is left.",
    args: z.strictObject({}),
    effect: "read",
    timeoutMs: 20_000,
    async run(_args, { signal, budget }) {
      const [balance, left] = await Promise.all([wallet.balance(signal), budget()]);
      return { ...balance, budget: left };
    },
  };
}
