import type { Tool } from "../runtime/tool.ts";
import type { Catalogue, Wallet } from "../runtime/wallet.ts";
import { subagents } from "./subagents.ts";
import { askUser } from "./tools/ask-user.ts";
import { checkBalance } from "./tools/check-balance.ts";
import { delegate } from "./tools/delegate.ts";
import { discoverServices } from "./tools/discover-services.ts";
import { fetchUrl } from "./tools/fetch-url.ts";
import { payService } from "./tools/pay-service.ts";
import { wait } from "./tools/wait.ts";
import { createUrlGuard } from "./url-guard.ts";

/** The tools that every agent is offered. `allowedHosts` are `host:port` entries that need not be public. */
export function builtInTools({
  wallet,
  catalogue,
  allowedHosts,
}: {
  readonly wallet: Wallet;
  readonly catalogue: Catalogue;
  readonly allowedHosts: Iterable<string>;
}): Tool[] {
  return [
    payService(catalogue),
    checkBalance(wallet),
    discoverServices(catalogue),
    fetchUrl(createUrlGuard({ allowedHosts })),
    wait,
    askUser,
    delegate(subagents),
  ];
}
