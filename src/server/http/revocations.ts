import type { Api } from "./api.ts";
import { type Handlers, value } from "./handler.ts";

export function revocationHandlers(api: Api): Handlers<"revokeTokens"> {
  return {
    async revokeTokens({ identity, body }) {
      return value(201, await api.revokeTokens(identity, body));
    },
  };
}
