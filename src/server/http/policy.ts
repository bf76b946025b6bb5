import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";
import { wholeList } from "./paging.ts";

type Names =
  | "listTools"
  | "listSpendRules"
  | "revokeSpendRule"
  | "simulatePolicy"
  | "listFreezes"
  | "freeze"
  | "unfreeze";

export function policyHandlers(api: Api): Handlers<Names> {
  return {
    async listTools({ identity }) {
      return value(200, await api.listTools(identity));
    },
    async listSpendRules({ identity, params }) {
      return value(200, wholeList(await api.listSpendRules(identity, params.session_id)));
    },
    async revokeSpendRule({ identity, params }) {
      await api.revokeSpendRule(identity, params.rule_id);
      return { kind: "empty" };
    },
    async simulatePolicy({ identity, body }) {
      return value(200, await api.simulate(identity, body));
    },
    async listFreezes({ identity }) {
      return value(200, wholeList(await api.listFreezes(identity)));
    },
    async freeze({ identity, body }) {
      return value(200, await api.freeze(identity, body));
    },
    async unfreeze({ identity, query }) {
      await api.unfreeze(identity, query);
      return { kind: "empty" };
    },
  };
}
