import { addHours } from "date-fns";
import type { PaymentFilter } from "../../client/index.ts";
import { PaymentState } from "../../protocol/payment-info.ts";

/** What a list of payments is limited to, as it is written: empty where everything counts. Days are those of UTC. */
export interface PaymentWishes {
  readonly session: string;
  readonly state: string;
  readonly payee: string;
  /** The first day and the last one, such as `2026-01-31`. */
  readonly from: string;
  readonly to: string;
}

const nothing: PaymentWishes = { session: "", state: "", payee: "", from: "", to: "" };

/**
 * The address of the payments that a filter lets through, for links and for loading the page again. It has `~` for
 * `%`, which stands in no query as it is: the router decodes some of what is escaped, and some not.
 */
export function paymentsPath(wishes: Partial<PaymentWishes>): string {
  const query = new URLSearchParams(Object.entries(wishes).filter(([, value]) => value !== ""));
  return query.size === 0 ? "/payments" : `/payments/where/${query.toString().replaceAll("%", "~")}`;
}

export function wishesOf(path: string | undefined): PaymentWishes {
  const query = new URLSearchParams(path?.replaceAll("~", "%"));
  const given = Object.keys(nothing).map((name) => [name, query.get(name) ?? ""]);
  return { ...nothing, ...Object.fromEntries(given) };
}

/** The same as the server takes it. A day that is none counts as not given. */
export function filterOf({ session, state, payee, from, to }: PaymentWishes): PaymentFilter {
  const known = PaymentState.safeParse(state);
  const [start, last] = [startOf(from), startOf(to)];
  return {
    ...(session === "" ? {} : { session_id: session }),
    ...(known.success ? { state: known.data } : {}),
    ...(payee.trim() === "" ? {} : { payee: payee.trim() }),
    ...periodOf(start, last),
  };
}

/** A period of whole days: the last one belongs to it. */
export function periodOf(
  start: Date | undefined,
  last: Date | undefined,
): { readonly from?: string; readonly to?: string } {
  return {
    ...(start === undefined ? {} : { from: start.toISOString() }),
    ...(last === undefined ? {} : { to: addHours(last, 24).toISOString() }),
  };
}

/** When a day of UTC begins; undefined for what is no day. */
export function startOf(day: string): Date | undefined {
  const start = new Date(`${day}T00:00:00.000Z`);
  return Number.isNaN(start.getTime()) ? undefined : start;
}
