import { isoTime } from "../../runtime/clock.ts";
import { type Handlers, value } from "./handler.ts";

export function identityHandlers(): Handlers<"readIdentity"> {
  return {
    async readIdentity({ identity: { userId, scopes, expiresAt } }) {
      const expiry = expiresAt === undefined ? {} : { expires_at: isoTime(expiresAt) };
      return value(200, { user_id: userId, scopes: [...scopes], ...expiry });
    },
  };
}
