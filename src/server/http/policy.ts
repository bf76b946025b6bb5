import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";
import { wholeList } from "./paging.ts";

export function policyHandlers(api: Api): Handlers<"simulatePolicy" | "listFreezes" | "freeze" | "unfreeze"> {
  return {
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
