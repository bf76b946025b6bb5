import type { IncomingMessage } from "node:http";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, LogController } from "fastify";
import type { Problem } from "../../protocol/resources.ts";
import { maxMessageBytes, webSocketPath } from "../../protocol/websocket.ts";
import { systemClock } from "../../runtime/clock.ts";
import { problem, problemOf } from "../problem.ts";
import { approvalHandlers } from "./approvals.ts";
import { acceptJsonOnly } from "./body.ts";
import { answerClientError } from "./client-error.ts";
import { allowOrigins } from "./cors.ts";
import { serveDocuments } from "./documents.ts";
import { eventHandlers } from "./events.ts";
import { executionHandlers } from "./executions.ts";
import type { Handlers } from "./handler.ts";
import { healthHandlers } from "./health.ts";
import { identityHandlers } from "./identity.ts";
import { logHandlers } from "./logs.ts";
import { paymentHandlers } from "./payments.ts";
import { policyHandlers } from "./policy.ts";
import { type Doors, registerRoutes } from "./register.ts";
import { refuseHead } from "./request-head.ts";
import { revocationHandlers } from "./revocations.ts";
import { sessionHandlers } from "./sessions.ts";
import { ticketHandlers } from "./tickets.ts";

export interface HttpOptions extends Doors {
  readonly logger: FastifyBaseLogger;
  /** Origins of web pages, other than the server's own, that may call the API. */
  readonly allowedOrigins: readonly string[];
}

/**
 * The HTTP side of a server: the API under /api/v1, health, and its own documents. Not listening yet; the
 * caller adds the WebSocket's upgrade, metrics and the console.
 */
export function buildHttp(options: HttpOptions): FastifyInstance {
  const { logger, api, clock = systemClock } = options;
  const app = Fastify({
    loggerInstance: logger,
    // An address may carry a token, so requests are logged by their route, below.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxMessageBytes,
    trustProxy: false,
    genReqId: () => crypto.randomUUID(),
    exposeHeadRoutes: false,
    requestTimeout: 30_000,
    http: {
      headersTimeout: 10_000,
      connectionsCheckingInterval: 5000,
      maxHeaderSize: 16 * 1024,
      shouldUpgradeCallback: mayUpgrade,
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
    frameworkErrors: (error, request, reply) => sendProblem(reply, problem(error, request.id)),
  });
  acceptJsonOnly(app);
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(securityHeaders);
    const refusal = refuseHead(request.raw.rawHeaders);
    if (refusal !== undefined) await sendProblem(reply, refusal);
  });
  allowOrigins(app, options.allowedOrigins);
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    const { method, id } = request;
    request.log.info({ method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime), id }, "request");
  });
  app.setErrorHandler(async (error, request, reply) => {
    const body = problem(error, request.id);
    if (body.status >= 500) request.log.error({ err: error, correlation_id: request.id }, "request failed");
    return sendProblem(reply, body);
  });
  app.setNotFoundHandler(async (request, reply) =>
    sendProblem(reply, problem(Object.assign(new Error("no route"), { code: "FST_ERR_NOT_FOUND" }), request.id)),
  );

  const handlers: Handlers = {
    ...sessionHandlers(api),
    ...executionHandlers(api),
    ...eventHandlers(api, clock),
    ...approvalHandlers(api),
    ...logHandlers(api),
    ...paymentHandlers(api),
    ...policyHandlers(api),
    ...identityHandlers(),
    ...revocationHandlers(api),
    ...ticketHandlers(api),
    ...healthHandlers(api),
  };
  registerRoutes(app, handlers, options);
  serveDocuments(app);
  askForUpgrade(app);
  return app;
}

/**
 * An offer of another protocol, such as the `h2c` of `curl --http2`, may be passed over and the request be
 * answered by HTTP/1.1 (RFC 9110, 7.8). The WebSocket's own address says what it wants instead.
 */
function mayUpgrade({ url = "", headers }: IncomingMessage): boolean {
  return /(?:^|,)\s*websocket\s*(?:,|$)/i.test(headers.upgrade ?? "") || url.split("?")[0] === webSocketPath;
}

const securityHeaders = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/** What the WebSocket's address says to a request that is no upgrade. */
function askForUpgrade(app: FastifyInstance): void {
  app.get(webSocketPath, async (_request, reply) => {
    reply.headers({ upgrade: "websocket", connection: "Upgrade" });
    return sendProblem(reply, problemOf(426, "invalid_message", "This address speaks WebSocket only; upgrade to it."));
  });
}

function sendProblem(reply: FastifyReply, body: Problem): FastifyReply {
  if (body.status === 401) reply.header("www-authenticate", "Bearer");
  const retryAfter = body.details?.retry_after_s;
  if (typeof retryAfter === "number") reply.header("retry-after", String(Math.ceil(retryAfter)));
  return reply.status(body.status).type("application/problem+json").send(JSON.stringify(body));
}
