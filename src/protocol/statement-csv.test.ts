import fc from "fast-check";
import { expect, test } from "vitest";
import type { PaymentInfo, Statement } from "./payment-info.ts";
import { statementCsv } from "./statement-csv.ts";

const id = "6f9619ff-8b86-4011-b42d-00c04fc964ff";
const payment: PaymentInfo = {
  payment_id: id,
  session_id: id,
  execution_id: id,
  tool_id: id,
  tool_name: "pay_service",
  state: "settled",
  content: "delivered",
  payee: "market-data",
  pay_to: "0x01",
  amount: "0.10",
  currency: "USDC",
  usd: "0.10",
  network: "eip155:31337",
  asset: "0x02",
  tx_hash: "0x03",
  quoted_at: "2026-01-01T00:00:00.000Z",
  ended_at: "2026-01-01T00:00:01.000Z",
};

function statementOf(payments: PaymentInfo[]): Statement {
  const total = { currency: "USDC", network: "eip155:31337", amount: "0.10", usd: "0.10", payments: 1 };
  return { session_id: id, created_at: payment.quoted_at, payments, settled: [total], pending: [] };
}

/** Reads CSV as RFC 4180 has it. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
    if (end === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

test("a statement as CSV has a line for each payment and each total, with exact amounts", () => {
  const rows = readCsv(statementCsv(statementOf([payment])));

  const [headings = [], ...lines] = rows;
  const records = lines.map((line) => Object.fromEntries(headings.map((heading, at) => [heading, line[at]])));
  expect(records).toMatchObject([
    { line: "payment", payee: "market-data", amount: "0.10", tx_hash: "0x03", settled_at: payment.ended_at },
    { line: "total settled", amount: "0.10", currency: "USDC", payee: "" },
  ]);
});

test.each(["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "\u200b=1", "＝1", "|calc", "%1"])(
  "a payee named %j is text to a spreadsheet",
  (payee) => {
    const rows = readCsv(statementCsv(statementOf([{ ...payment, payee }])));

    expect(rows[1]).toContain(`'${payee}`);
  },
);

test("whatever a service calls itself, the lines and columns stay as they are", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (payee) => {
      const rows = readCsv(statementCsv(statementOf([{ ...payment, payee }])));

      expect(rows.map((row) => row.length)).toEqual([15, 15, 15]);
      expect([payee, `'${payee}`]).toContain(rows[1]?.[5]);
      expect(rows[1]?.[9]).toBe("0.10");
    }),
  );
});
