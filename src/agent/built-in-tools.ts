import type { Tool } from "../runtime/tool.ts";
import type { Catalogue, Wallet } from "../runtime/wallet.ts";
import { subagents } from "./subagents.ts";
import { askUser } from "./tools/ask-user.ts";
import { checkBalance } from "./tools/check-balance.ts";
import { delegate } from "./tools/delegate.ts";
import { discoverServices } from "./tools/discover-services.ts";
import { fetchUrl } from "./tools/fetch-url.ts";
import { payService } from "./tools/pay-service.ts";
import { transfer } from "./tools/transfer.ts";
import { wait } from "./tools/wait.ts";

/** The tools that every agent is offered. */
export function builtInTools({
  wallet,
  catalogue,
}: {
  readonly wallet: Wallet;
  readonly catalogue: Catalogue;
}): Tool[] {
  return [
    payService(catalogue),
    transfer,
    checkBalance(wallet),
    discoverServices(catalogue),
    fetchUrl,
    wait,
    askUser,
    delegate(subagents),
  ];
}
