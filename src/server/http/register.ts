import type { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { parseBody } from "../../protocol/decode.ts";
import { PaygentError } from "../../protocol/errors.ts";
import type { Route } from "../../protocol/routes/route.ts";
import { type RouteName, routes } from "../../protocol/routes.ts";
import { requireScope } from "../../runtime/access.ts";
import type { Clock } from "../../runtime/clock.ts";
import { tracedMessage } from "../../runtime/traced.ts";
import type { Authenticator, Identity } from "../auth.ts";
import { problemOf } from "../problem.ts";
import type { Rates } from "../rates.ts";
import type { SocketOwner, SocketPlaces } from "../socket-places.ts";
import type { Api, Idempotency } from "./api.ts";
import type { Answer, Call, Handlers } from "./handler.ts";
import { answerOnce } from "./idempotent.ts";
import { identify } from "./identify.ts";

/** What requests pass through on their way in. */
export interface Doors {
  readonly api: Api;
  readonly authenticator: Authenticator;
  readonly idempotency: Idempotency;
  readonly rates?: Rates;
  readonly places?: SocketPlaces;
  readonly clock?: Clock;
}

/** Makes every route of the table a Fastify route, and answers 405 to the other methods of its path. */
export function registerRoutes(app: FastifyInstance, handlers: Handlers, doors: Doors): void {
  const identities = new WeakMap<FastifyRequest, Identity>();
  const streams = new Set<NodeJS.EventEmitter & { destroy(): void }>();
  app.addHook("preClose", async () => {
    for (const stream of streams) stream.destroy();
  });
  const names = Object.keys(routes) as RouteName[]; // The table is a constant; it has no other keys.
  for (const name of names) {
    const route: Route = routes[name];
    // The table types each handler by its route; here they are all called the same way, with what it parsed.
    const handle = handlers[name] as (call: Call<RouteName>) => Promise<Answer>;
    app.route({
      method: route.method,
      url: fastifyPath(route.path),
      onRequest: async (request) => {
        const identity = await admit(route, request, doors);
        if (identity !== undefined) identities.set(request, identity);
      },
      handler: async (request, reply) => {
        const { idempotency, places } = doors;
        const identity = identities.get(request);
        const answer = await answerTo(route, handle, request, { identity, idempotency });
        if (answer.kind === "stream") {
          if (identity !== undefined) await seat(answer.stream, places, { ...identity, address: request.ip });
          streams.add(answer.stream);
          answer.stream.once("close", () => streams.delete(answer.stream));
        }
        return send(reply, answer);
      },
    });
  }
  refuseOtherMethods(app);
}

/** Authenticates before the body is read, so that strangers cost nothing and learn nothing. */
async function admit(route: Route, request: FastifyRequest, doors: Doors): Promise<Identity | undefined> {
  if (route.scope === "none") return undefined;
  // Before the credential is looked at: that is the dear part of a stranger's request.
  await doors.rates?.spendOfAddress(request.ip);
  const params = paramsOf(route, request);
  const identity = await identify(request, route, { ...doors, sessionId: sessionOf(params) });
  await doors.rates?.spendOfUser(identity.userId);
  requireScope(identity, route.scope);
  return identity;
}

/** A stream is open as long as a socket is, so it takes a place among them. */
async function seat(stream: Readable, places: SocketPlaces | undefined, owner: SocketOwner): Promise<void> {
  try {
    const leave = await places?.take(owner);
    if (leave === undefined) return;
    if (stream.destroyed) leave();
    else stream.once("close", leave);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

async function answerTo(
  route: Route,
  handle: (call: Call<RouteName>) => Promise<Answer>,
  request: FastifyRequest,
  { identity, idempotency }: { identity: Identity | undefined; idempotency: Idempotency },
): Promise<Answer> {
  const params = paramsOf(route, request);
  if (route.params !== undefined && params === undefined) throw new PaygentError("not_found", "The id is not a UUID.");
  const call = {
    identity,
    params,
    query: route.query && parseBody(route.query, request.query),
    body: route.body && parseBody(route.body, request.body),
    header: (name: string) => oneHeader(request, name),
  };
  // What the route's own schemas gave is what its handler's type says.
  const name = `${route.method.toUpperCase()} ${route.path}`;
  const work = () => tracedMessage(name, sessionOf(params), () => handle(call as Call<RouteName>));
  const key = route.method === "post" && !route.isSecret ? oneHeader(request, "idempotency-key") : undefined;
  if (key === undefined || identity === undefined) return work();
  const address = `${route.method} ${request.url}`;
  return answerOnce(idempotency, { identity, key, address, body: call.body }, work);
}

/** `undefined` when an id is malformed: to the client that is an unknown one, once it is authenticated. */
function paramsOf(route: Route, request: FastifyRequest): Readonly<Record<string, unknown>> | undefined {
  return route.params?.safeParse(request.params).data;
}

function sessionOf(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  return typeof params?.session_id === "string" ? params.session_id : undefined;
}

function oneHeader(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  switch (answer.kind) {
    case "value":
      if (answer.location !== undefined) reply.header("location", answer.location);
      return reply.status(answer.status).type("application/json").send(JSON.stringify(answer.value));
    case "text":
      if (answer.location !== undefined) reply.header("location", answer.location);
      return reply.status(answer.status).type("application/json").send(answer.text);
    case "csv":
      reply.header("content-disposition", `attachment; filename="${answer.fileName}"`);
      return reply.status(200).type("text/csv; charset=utf-8").send(answer.text);
    case "stream":
      reply.headers({ "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
      return reply.status(200).send(answer.stream);
    case "empty":
      return reply.status(204).send();
  }
}

function refuseOtherMethods(app: FastifyInstance): void {
  const methodsOf = Map.groupBy<string, Route>(Object.values(routes), (route) => route.path);
  for (const [path, onPath] of methodsOf) {
    const allowed = onPath.map((route) => route.method.toUpperCase());
    const refused = app.supportedMethods.filter((method) => !allowed.includes(method));
    const allow = allowed.join(", ");
    app.route({
      method: refused as HTTPMethods[], // These are Fastify's own words for them.
      url: fastifyPath(path),
      // Before the body is read: what it holds does not matter.
      onRequest: async (_request, reply) => {
        const body = problemOf(405, "invalid_message", `This address does not take that method; use ${allow}.`);
        await reply.status(405).header("allow", allow).type("application/problem+json").send(JSON.stringify(body));
      },
      handler: async () => undefined,
    });
  }
}

function fastifyPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}
