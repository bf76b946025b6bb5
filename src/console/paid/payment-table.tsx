import { useMemo } from "react";
import { Link } from "wouter";
import { usdMicros } from "../../protocol/money.ts";
import type { PaymentInfo } from "../../protocol/payment-info.ts";
import { dateAndTime } from "../format.ts";
import { type Column, Table } from "../parts/table.tsx";
import { plainText } from "../plain-text.ts";
import { PaymentStateWord } from "./payment-words.tsx";

export function PaymentTable({
  payments,
  nameOf,
}: {
  readonly payments: readonly PaymentInfo[];
  readonly nameOf: (sessionId: string) => string;
}) {
  const columns = useMemo<readonly Column<PaymentInfo>[]>(
    () => [
      {
        name: "Quoted",
        sortBy: ({ quoted_at }) => quoted_at,
        cell: ({ payment_id, quoted_at }) => (
          <Link href={`/payments/${payment_id}`} className="text-accent underline">
            {dateAndTime(quoted_at)}
          </Link>
        ),
      },
      { name: "State", sortBy: ({ state }) => state, cell: (payment) => <PaymentStateWord payment={payment} /> },
      {
        name: "Amount",
        isFigure: true,
        sortBy: ({ usd }) => usdMicros(usd),
        cell: ({ amount, currency }) => `${amount} ${plainText(currency)}`,
      },
      { name: "Payee", sortBy: ({ payee }) => payee.toLowerCase(), cell: ({ payee }) => plainText(payee) },
      { name: "Tool", sortBy: ({ tool_name }) => tool_name, cell: ({ tool_name }) => plainText(tool_name) },
      {
        name: "Session",
        sortBy: ({ session_id }) => nameOf(session_id).toLowerCase(),
        cell: ({ session_id }) => (
          <Link href={`/sessions/${session_id}`} className="text-accent underline">
            {nameOf(session_id)}
          </Link>
        ),
      },
    ],
    [nameOf],
  );
  return <Table label="Payments" columns={columns} rows={payments} keyOf={({ payment_id }) => payment_id} />;
}
