import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";
import { page } from "./paging.ts";

type Names = "createSession" | "listSessions" | "getSession" | "patchSession" | "deleteSession";

export function sessionHandlers(api: Api): Handlers<Names> {
  return {
    async createSession({ identity, body }) {
      const session = await api.createSession(identity, body);
      return value(201, session, `/api/v1/sessions/${session.id}`);
    },
    async listSessions({ identity, query }) {
      const list = await page(
        query,
        (slice) => api.listSessions(identity, slice),
        ({ created_at, id }) => ({ at: created_at, id }),
      );
      return value(200, list);
    },
    async getSession({ identity, params }) {
      return value(200, await api.getSession(identity, params.session_id));
    },
    async patchSession({ identity, params, body }) {
      return value(200, await api.patchSession(identity, params.session_id, body));
    },
    async deleteSession({ identity, params }) {
      await api.deleteSession(identity, params.session_id);
      return { kind: "empty" };
    },
  };
}
