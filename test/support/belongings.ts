import { randomUUID } from "node:crypto";
import type { Route } from "../../src/protocol/routes/route.ts";
import { routes } from "../../src/protocol/routes.ts";
import type { ServerCalls } from "./server-calls.ts";

/** The ids of one of everything that a user can own. */
export interface Belongings {
  readonly session_id: string;
  readonly execution_id: string;
  readonly request_id: string;
  readonly rule_id: string;
  readonly payment_id: string;
}

/** Ids of nothing. */
export function unknown(): Belongings {
  const [session_id, execution_id, request_id, rule_id, payment_id] = [0, 1, 2, 3, 4].map(() => randomUUID());
  return { session_id, execution_id, request_id, rule_id, payment_id } as Belongings; // There are five.
}

/** A text without the ids and times in which two answers may differ. */
export function anonymous(text: string, ids: object): string {
  const withoutIds = Object.values(ids).reduce((rest: string, id: string) => rest.replaceAll(id, "<id>"), text);
  return withoutIds.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
}

/** The routes that name a session in their query or body. */
const namedElsewhere = new Set(["createTicket", "readLog", "readStatement", "freeze", "unfreeze", "simulatePolicy"]);

/** The routes that name something that somebody owns. */
export const targeted = Object.entries<Route>(routes).filter(
  ([name, route]) => route.params !== undefined || namedElsewhere.has(name),
);

/** A good body for each route that needs one. */
function bodyOf(name: string, target: Belongings): object | undefined {
  switch (name) {
    case "patchSession":
      return { title: "Taken over" };
    case "execute":
      return { command: "check_balance" };
    case "edit":
      return { edited_args: { service: "news" } };
    case "createTicket":
      return { session_id: target.session_id };
    case "freeze":
      return { scope: "session", session_id: target.session_id };
    case "simulatePolicy":
      return { session_id: target.session_id, tool_name: "check_balance" };
    case "approve":
    case "reject":
    case "cancelExecution":
      return {};
    default:
      return undefined;
  }
}

function queryOf(name: string, target: Belongings): string {
  switch (name) {
    case "readLog":
    case "readStatement":
      return `?session_id=${target.session_id}`;
    case "unfreeze":
      return `?scope=session&session_id=${target.session_id}`;
    default:
      return "";
  }
}

/** What a user is answered on a route that names what may be somebody else's, without its ids and times. */
export async function answerOf(
  server: Pick<ServerCalls, "token"> & { readonly url: string },
  userId: string,
  [name, route]: readonly [string, Route],
  target: Belongings,
): Promise<{ status: number; text: string }> {
  const path = route.path.replace(/\{(\w+)\}/g, (_, key: keyof Belongings) => target[key]);
  const body = bodyOf(name, target);
  const response = await fetch(`${server.url}${path}${queryOf(name, target)}`, {
    method: route.method.toUpperCase(),
    headers: {
      authorization: `Bearer ${await server.token(userId)}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: anonymous(await response.text(), target) };
}
