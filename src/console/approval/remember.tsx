import { useState } from "react";
import type { ApprovalRequired } from "../../protocol/events.ts";
import { Usd } from "../../protocol/money.ts";
import type { SpendRule } from "../../protocol/spend-rule.ts";
import { dateAndTime } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { plainText } from "../plain-text.ts";
import { CardActions } from "./card-actions.tsx";

/** "Always allow": the rule that it makes, in words, before it is made. */
export function Remember({
  request,
  isSending,
  onSend,
  onBack,
}: {
  readonly request: ApprovalRequired;
  readonly isSending: boolean;
  readonly onSend: (rule: SpendRule) => void;
  readonly onBack: () => void;
}) {
  const { tool_name, payee, estimated_cost } = request;
  const [each, setEach] = useState(estimated_cost);
  const [total, setTotal] = useState("");
  const [days, setDays] = useState("7");
  const expiresAt = /^[1-9]\d{0,2}$/.test(days) ? new Date(Date.now() + Number(days) * 86_400_000) : undefined;
  const isValid =
    Usd.safeParse(each).success &&
    (total === "" || Usd.safeParse(total).success) &&
    (days === "" || expiresAt !== undefined);
  const rule: SpendRule = {
    tool_name,
    max_amount: each,
    ...(payee === undefined ? {} : { payee }),
    ...(total === "" ? {} : { total }),
    ...(expiresAt === undefined ? {} : { expires_at: expiresAt.toISOString() }),
  };
  return (
    <form
      className="mt-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (isValid) onSend(rule);
      }}
    >
      <div className="grid gap-3 sm:grid-cols-3">
        <Field label="At most each, USD" value={each} inputMode="decimal" onChange={(e) => setEach(e.target.value)} />
        <Field
          label="At most in total, USD"
          value={total}
          placeholder="no limit"
          inputMode="decimal"
          onChange={(e) => setTotal(e.target.value)}
        />
        <Field
          label="For days"
          value={days}
          placeholder="for good"
          inputMode="numeric"
          onChange={(e) => setDays(e.target.value)}
        />
      </div>
      <p className="mt-2" role="status">
        {isValid
          ? plainText(
              `Approves this call, and from now on ${tool_name} may pay ${payee ?? "anybody"} up to ${each} USD each` +
                `${total === "" ? "" : ` and ${total} USD in total`} in this session without asking` +
                `${expiresAt === undefined ? ", for good" : `, until ${dateAndTime(expiresAt.toISOString())}`}.`,
            )
          : "Amounts are like 25 or 0.10, days a number from 1 to 999."}
      </p>
      <CardActions isSending={isSending}>
        <Button look="primary" type="submit" disabled={isSending || !isValid}>
          Approve and remember
        </Button>
        <Button onClick={onBack}>Back</Button>
      </CardActions>
    </form>
  );
}
