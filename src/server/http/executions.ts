import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";
import { page } from "./paging.ts";

type Names = "execute" | "listExecutions" | "getExecution" | "cancelExecution";

export function executionHandlers(api: Api): Handlers<Names> {
  return {
    async execute({ identity, params, body }) {
      const { execution, isNew } = await api.execute(identity, params.session_id, body);
      return value(isNew ? 201 : 200, execution, `/api/v1/executions/${execution.execution_id}`);
    },
    async listExecutions({ identity, params, query }) {
      const list = await page(
        query,
        (slice) => api.listExecutions(identity, params.session_id, slice),
        ({ created_at, execution_id }) => ({ at: created_at, id: execution_id }),
      );
      return value(200, list);
    },
    async getExecution({ identity, params }) {
      return value(200, await api.getExecution(identity, params.execution_id));
    },
    async cancelExecution({ identity, params, body }) {
      return value(202, await api.cancel(identity, params.execution_id, body));
    },
  };
}
