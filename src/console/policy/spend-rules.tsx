import { useMemo, useState } from "react";
import { usdMicros } from "../../protocol/money.ts";
import type { SpendRuleInfo } from "../../protocol/resources.ts";
import { usePaygent } from "../../react/index.ts";
import { dateAndTime, messageOf } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Notice } from "../parts/notice.tsx";
import { Empty } from "../parts/screen.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { plainText } from "../plain-text.ts";

/** The rules that "always allow" left behind, and what each has let through. */
export function SpendRules({
  rules,
  onRevoked,
}: {
  readonly rules: readonly SpendRuleInfo[];
  readonly onRevoked: () => void;
}) {
  const client = usePaygent();
  const [failure, setFailure] = useState<string>();
  const columns = useMemo<readonly Column<SpendRuleInfo>[]>(() => {
    const revoke = (id: string) => {
      setFailure(undefined);
      client.spendRules.revoke(id).then(onRevoked, (error) => setFailure(messageOf(error)));
    };
    return [
      { name: "Tool", sortBy: ({ tool_name }) => tool_name, cell: ({ tool_name }) => plainText(tool_name) },
      { name: "Payee", sortBy: ({ payee = "" }) => payee, cell: ({ payee = "anybody" }) => plainText(payee) },
      {
        name: "Each",
        isFigure: true,
        sortBy: ({ max_amount }) => usdMicros(max_amount),
        cell: ({ max_amount }) => `${max_amount} USD`,
      },
      { name: "Total", isFigure: true, cell: ({ total }) => (total === undefined ? "no limit" : `${total} USD`) },
      { name: "Used", isFigure: true, sortBy: ({ used }) => usdMicros(used), cell: ({ used }) => `${used} USD` },
      {
        name: "Until",
        sortBy: ({ expires_at = "~" }) => expires_at,
        cell: ({ expires_at }) => (expires_at === undefined ? "for good" : dateAndTime(expires_at)),
      },
      {
        name: "Holds",
        cell: ({ id, revoked_at }) =>
          revoked_at === undefined ? <Button onClick={() => revoke(id)}>Revoke</Button> : "revoked",
      },
    ];
  }, [client, onRevoked]);
  return (
    <>
      {failure === undefined ? null : <Notice look="bad">{plainText(failure)}</Notice>}
      {rules.length === 0 ? (
        <Empty>No approval has left a rule behind. "Always allow…" on a request makes one.</Empty>
      ) : (
        <Table label="Spend rules" columns={columns} rows={rules} keyOf={({ id }) => id} />
      )}
    </>
  );
}
