import type { SessionConfig } from "../protocol/session-config.ts";
import { freezesOfSession } from "../store/freezes.ts";
import { findPayee } from "../store/payees.ts";
import { validSpendRules } from "../store/spend-rules.ts";
import { paymentsSince } from "../store/spends.ts";
import type { Database } from "../store/statement.ts";
import { isoTime } from "./clock.ts";
import type { PolicyFacts, Price } from "./policy.ts";
import type { Tool } from "./tool.ts";

interface Subject {
  readonly id: string;
  readonly userId: string;
  readonly config: SessionConfig;
}

/** Reads what a verdict on a call needs to know; what its price makes irrelevant is not asked for. */
export async function policyFacts(
  db: Database,
  session: Subject,
  { tool, price, at }: { readonly tool: Tool; readonly price: Price; readonly at: string },
): Promise<PolicyFacts> {
  const spendRules = await validSpendRules(db, session.id, tool.name, at);
  if (price.micros === 0n) return { spendRules, freezes: [], isPayeeKnown: true, recentPayments: 0 };
  const freezes = await freezesOfSession(db, session.id);
  const { payee } = price;
  const isPayeeKnown =
    payee === undefined ||
    price.isListed === true ||
    (await findPayee(db, { userId: session.userId, network: payee.network, address: payee.payTo })) !== undefined;
  const { velocity } = session.config;
  const since = velocity === null ? undefined : isoTime(Date.parse(at) - velocity.per_s * 1000);
  const recentPayments = since === undefined ? 0 : await paymentsSince(db, session.id, since);
  return { spendRules, freezes, isPayeeKnown, recentPayments };
}
