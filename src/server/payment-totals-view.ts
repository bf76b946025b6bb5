import { formatUsd } from "../protocol/money.ts";
import type { PaymentSum, PaymentsBy, PaymentTotals } from "../protocol/payment-totals.ts";
import type { SessionSum } from "../store/payment-totals.ts";
import type { SessionRow } from "../store/sessions.ts";

interface Asked {
  readonly by: PaymentsBy;
  readonly isOfOneSession: boolean;
}

/** Sums of sessions put together by their key; days newest first, others largest first. */
export function paymentTotalsView(
  asked: Asked,
  sums: readonly SessionSum[],
  sessions: ReadonlyMap<string, SessionRow>,
): PaymentTotals {
  const groups = [...Map.groupBy(sums, ({ key }) => key)].map(([key, group]) => {
    const micros = (of: "settledMicros" | "pendingMicros") => group.reduce((total, sum) => total + sum[of], 0n);
    const owners = group.flatMap(({ sessionId }) => sessions.get(sessionId) ?? []);
    const title = asked.by === "session" ? owners[0]?.title : undefined;
    const limit = limitOf(asked, [key, ...group.map(({ payTo }) => payTo)], owners);
    const settled = micros("settledMicros");
    const view: PaymentSum = {
      key,
      ...(title === undefined || title === null ? {} : { title }),
      payments: group.reduce((total, { payments }) => total + payments, 0),
      settled_usd: formatUsd(settled),
      pending_usd: formatUsd(micros("pendingMicros")),
      ...(limit === undefined ? {} : { limit_usd: limit }),
    };
    return { view, settled };
  });
  groups.sort((one, other) =>
    asked.by === "day" || one.settled === other.settled
      ? compareText(other.view.key, one.view.key)
      : Number(other.settled > one.settled) * 2 - 1,
  );
  return { by: asked.by, data: groups.map(({ view }) => view) };
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** The budget of a key, where all that are concerned have one and the same. `names` are the key and addresses. */
function limitOf(
  { by, isOfOneSession }: Asked,
  names: readonly string[],
  sessions: readonly SessionRow[],
): string | undefined {
  const [first] = sessions;
  if (first === undefined) return undefined;
  switch (by) {
    case "session":
      return first.config.budget_usd;
    case "day": {
      const isShared = sessions.every(
        ({ userId, config }) => userId === first.userId && config.daily_budget_usd === first.config.daily_budget_usd,
      );
      return isShared ? first.config.daily_budget_usd : undefined;
    }
    case "payee": {
      const ofPayees = isOfOneSession ? Object.entries(first.config.payee_budgets_usd) : [];
      const known = names.map((name) => name.toLowerCase());
      return ofPayees.find(([payee]) => known.includes(payee.toLowerCase()))?.[1];
    }
    case "tool":
    case "state":
      return undefined;
  }
}
