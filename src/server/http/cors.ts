import type { FastifyInstance } from "fastify";
import { isAllowedOrigin } from "./request-head.ts";

/** Lets pages of the named origins, and of no others, read answers; credentials are headers, never cookies. */
export function allowOrigins(app: FastifyInstance, allowedOrigins: readonly string[]): void {
  if (allowedOrigins.length === 0) return;
  app.addHook("onRequest", async (request, reply) => {
    reply.header("vary", "Origin");
    const { origin } = request.headers;
    if (origin === undefined || !isAllowedOrigin(origin, allowedOrigins)) return;
    reply.header("access-control-allow-origin", origin);
    reply.header("cross-origin-resource-policy", "cross-origin");
    reply.header("access-control-expose-headers", "Location, Retry-After");
    if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return;
    reply.header("access-control-allow-methods", "GET, POST, PATCH, DELETE");
    reply.header("access-control-allow-headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID");
    reply.header("access-control-max-age", "600");
    await reply.status(204).send();
  });
}
