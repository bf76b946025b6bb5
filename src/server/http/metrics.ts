import type { FastifyInstance } from "fastify";
import { PaygentError } from "../../protocol/errors.ts";
import { unauthenticated } from "../../runtime/access.ts";
import type { Authenticator } from "../auth.ts";
import { credentialOf } from "../credential.ts";
import type { Metrics } from "../metrics.ts";

/** Serves /metrics to whoever may see numbers over all users: a token with the scope `admin`. */
export function serveMetrics(app: FastifyInstance, metrics: Metrics, authenticator: Authenticator): void {
  app.get("/metrics", async (request, reply) => {
    const credential = credentialOf(request.raw.rawHeaders, new URLSearchParams());
    if (credential?.source !== "header") throw unauthenticated("no credential");
    const { scopes } = await authenticator.authenticate(credential.token);
    if (!scopes.has("admin")) {
      throw new PaygentError("forbidden", "Metrics tell of all users; use a token with the scope admin.");
    }
    return reply.type(metrics.contentType).send(await metrics.text());
  });
}
