import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";

export function ticketHandlers(api: Api): Handlers<"createTicket"> {
  return {
    async createTicket({ identity, body }) {
      return value(201, await api.createTicket(identity, body.session_id));
    },
  };
}
