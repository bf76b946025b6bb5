import { expect, test } from "vitest";
import type { PaidCall } from "./paid-calls.ts";
import { statementCsv, totalsBy, totalUsd } from "./statement.ts";

function paid(payee: string, usd: string): PaidCall {
  const cost = { amount: usd, currency: "USDC", usd, tx_hash: "0xabc" };
  const call = {
    key: payee,
    at: "2026-01-02T03:04:05.000Z",
    sessionId: "s",
    sessionTitle: "S",
    toolName: "pay_service",
  };
  return { ...call, payee, cost };
}

test("sums are exact and the largest stands first", () => {
  const calls = [paid("a", "0.10"), paid("b", "0.30"), paid("a", "0.20"), paid("a", "0.000001")];

  expect(totalUsd(calls)).toBe("0.600001");
  expect(totalsBy(calls, ({ payee }) => payee)).toEqual([
    { key: "a", count: 3, usd: "0.300001" },
    { key: "b", count: 1, usd: "0.30" },
  ]);
});

test("a statement has a line for each payment, and no cell of it is run by a spreadsheet", () => {
  expect(statementCsv([paid('=HYPERLINK("x"),1', "2.00")])).toBe(
    "time,session_id,tool,payee,amount,currency,usd,transaction\r\n" +
      '2026-01-02T03:04:05.000Z,s,pay_service,"\'=HYPERLINK(""x""),1",2.00,USDC,2.00,0xabc\r\n',
  );
});
