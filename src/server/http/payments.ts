import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";
import { wholeList } from "./paging.ts";

type Names = "getWallet" | "listServices" | "listTools" | "listSpendRules" | "revokeSpendRule";

export function paymentHandlers(api: Api): Handlers<Names> {
  return {
    async getWallet({ identity }) {
      return value(200, await api.getWallet(identity));
    },
    async listServices({ identity }) {
      return value(200, wholeList(await api.listServices(identity)));
    },
    async listTools({ identity }) {
      return value(200, wholeList(await api.listTools(identity)));
    },
    async listSpendRules({ identity, params }) {
      return value(200, wholeList(await api.listSpendRules(identity, params.session_id)));
    },
    async revokeSpendRule({ identity, params }) {
      await api.revokeSpendRule(identity, params.rule_id);
      return { kind: "empty" };
    },
  };
}
