import type { PaymentInfo, Statement, StatementTotal } from "./payment-info.ts";

const columns = [
  "line",
  "settled_at",
  "payment_id",
  "execution_id",
  "tool_name",
  "payee",
  "pay_to",
  "state",
  "content",
  "amount",
  "currency",
  "usd",
  "network",
  "asset",
  "tx_hash",
] as const;
type Line = Partial<Record<(typeof columns)[number], string>>;

/** A statement as CSV (RFC 4180): a line for each payment, then a line for each total. */
export function statementCsv(statement: Statement): string {
  const lines = [
    ...statement.payments.map(paymentLine),
    ...statement.settled.map((total) => totalLine("total settled", total)),
    ...statement.pending.map((total) => totalLine("total pending", total)),
  ];
  const rows = [columns, ...lines.map((line) => columns.map((column) => line[column] ?? ""))];
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function paymentLine(payment: PaymentInfo): Line {
  const { content = "", tx_hash = "", ended_at = "", state, ...rest } = payment;
  return { ...rest, line: "payment", state, content, tx_hash, settled_at: state === "settled" ? ended_at : "" };
}

function totalLine(line: string, { currency, network, amount, usd }: StatementTotal): Line {
  return { line, currency, network, amount, usd };
}

/**
 * Spreadsheets run a cell that begins like a formula, and names come from services: such a cell is made text
 * by an apostrophe (OWASP, "CSV Injection").
 */
function cell(text: string): string {
  const plain = /^[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠|%]|^[\t\r\n]/u.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
