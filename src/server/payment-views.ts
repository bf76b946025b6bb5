import { formatUnits, formatUsd } from "../protocol/money.ts";
import type {
  PaymentDetail,
  PaymentInfo,
  PaymentMoment,
  Receipt,
  Statement,
  StatementTotal,
} from "../protocol/payment-info.ts";
import type { PaymentRow } from "../store/payments.ts";

export function paymentView(row: PaymentRow): PaymentInfo {
  const { terms } = row;
  return {
    payment_id: row.id,
    session_id: row.sessionId,
    execution_id: row.executionId,
    tool_id: row.toolId,
    tool_name: row.toolName,
    state: row.state,
    ...(row.contentState === undefined ? {} : { content: row.contentState }),
    payee: row.payee,
    pay_to: terms.payTo,
    amount: amountOf(row),
    currency: terms.currency,
    usd: formatUsd(BigInt(terms.usdMicros)),
    network: terms.network,
    asset: terms.asset,
    ...(row.txHash === undefined ? {} : { tx_hash: row.txHash }),
    ...(row.repeats === undefined ? {} : { repeats: row.repeats }),
    quoted_at: row.quotedAt,
    ...(row.endedAt === undefined ? {} : { ended_at: row.endedAt }),
  };
}

export function paymentDetailView(row: PaymentRow): PaymentDetail {
  const { kind = "service", url, method, description } = row.terms;
  const receipt = receiptOf(row);
  return {
    ...paymentView(row),
    terms: {
      kind,
      ...(kind === "transfer" ? {} : { url, method: method ?? "GET" }),
      ...(description === undefined ? {} : { description }),
    },
    timeline: timelineOf(row),
    ...(receipt === undefined ? {} : { receipt }),
  };
}

function amountOf({ terms }: PaymentRow): string {
  return formatUnits(BigInt(terms.amount), terms.decimals);
}

/** The facts that have a time, in the order in which a payment goes through them. */
function timelineOf(row: PaymentRow): PaymentMoment[] {
  const facts: [PaymentMoment["state"], string | undefined][] = [
    ["quoted", row.quotedAt],
    ["reserved", row.reservedAt],
    ["signed", row.signedAt],
    ["sent", row.sentAt],
    ["unknown", row.unknownAt],
    [row.state, row.endedAt],
    [row.contentState ?? "missing", row.contentState && row.contentAt],
  ];
  return facts.flatMap(([state, at]) => (at === undefined ? [] : [{ state, at }]));
}

function receiptOf(row: PaymentRow): Receipt | undefined {
  const { terms, signed, txHash, block } = row;
  if (row.state !== "settled" || signed === undefined || txHash === undefined || block === undefined) return undefined;
  return {
    tx_hash: txHash,
    block,
    payer: signed.payer,
    payee: terms.payTo,
    amount: amountOf(row),
    currency: terms.currency,
    network: terms.network,
    asset: terms.asset,
    nonce: signed.nonce,
  };
}

export function statementView(
  rows: readonly PaymentRow[],
  period: { readonly session_id: string; readonly from?: string | undefined; readonly to?: string | undefined },
  createdAt: string,
): Statement {
  return {
    session_id: period.session_id,
    ...(period.from === undefined ? {} : { from: period.from }),
    ...(period.to === undefined ? {} : { to: period.to }),
    created_at: createdAt,
    payments: rows.map(paymentView),
    settled: totalsOf(rows.filter(({ state }) => state === "settled")),
    pending: totalsOf(rows.filter(({ state }) => state !== "settled")),
  };
}

function totalsOf(rows: readonly PaymentRow[]): StatementTotal[] {
  const groups = Map.groupBy(rows, ({ terms }) => `${terms.currency} ${terms.network} ${terms.decimals}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { currency, network, decimals } = first.terms;
    const sum = (part: "amount" | "usdMicros") => group.reduce((total, { terms }) => total + BigInt(terms[part]), 0n);
    const amount = formatUnits(sum("amount"), decimals);
    return [{ currency, network, amount, usd: formatUsd(sum("usdMicros")), payments: group.length }];
  });
}
