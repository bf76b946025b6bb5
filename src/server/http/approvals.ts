import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";
import { page } from "./paging.ts";

type Names = "listApprovals" | "getApproval" | "approve" | "reject" | "edit";

export function approvalHandlers(api: Api): Handlers<Names> {
  return {
    async listApprovals({ identity, query }) {
      const list = await page(
        query,
        (slice) => api.listApprovals(identity, { ...slice, status: query.status }),
        ({ created_at, request_id }) => ({ at: created_at, id: request_id }),
      );
      return value(200, list);
    },
    async getApproval({ identity, params }) {
      return value(200, await api.getApproval(identity, params.request_id));
    },
    async approve({ identity, params, body }) {
      return value(200, await api.decide(identity, { type: "approve", data: { ...params, ...body } }));
    },
    async reject({ identity, params, body }) {
      return value(200, await api.decide(identity, { type: "reject", data: { ...params, ...body } }));
    },
    async edit({ identity, params, body }) {
      return value(200, await api.decide(identity, { type: "edit", data: { ...params, ...body } }));
    },
  };
}
