import { refuseRevoked } from "../runtime/revoke.ts";
import type { Database } from "../store/statement.ts";
import type { Authenticator } from "./auth.ts";

/** Also refuses a good token that was revoked. Nobody is let in while the database does not say whether it was. */
export function revocable(authenticator: Authenticator, db: Database): Authenticator {
  return {
    async authenticate(token) {
      const identity = await authenticator.authenticate(token);
      await refuseRevoked(db, identity);
      return identity;
    },
  };
}
