import { type FormEvent, useCallback, useState } from "react";
import { Link } from "wouter";
import type { Session, SpendRuleInfo } from "../../protocol/resources.ts";
import { usePaygent } from "../../react/index.ts";
import { dateAndTime, messageOf } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Field } from "../parts/field.tsx";
import { Loading } from "../parts/loading.tsx";
import { Notice } from "../parts/notice.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { Table } from "../parts/table.tsx";
import { plainText } from "../plain-text.ts";
import { useLoaded } from "../use-loaded.ts";

/** What a session may spend and what it asks about. */
export function PolicyScreen({ sessionId }: { readonly sessionId: string }) {
  const client = usePaygent();
  const load = useCallback(
    async () => ({
      session: await client.sessions.get(sessionId),
      tools: (await client.tools.list()).data.map(({ name }) => name),
      rules: (await client.spendRules.list(sessionId)).data,
    }),
    [client, sessionId],
  );
  const [loaded, again] = useLoaded(load);
  return (
    <Screen
      title="Policy"
      actions={
        <Link href={`/sessions/${sessionId}`} className="text-accent text-xs underline">
          Back to the session
        </Link>
      }
    >
      <Loading of={loaded} again={again}>
        {({ session, tools, rules }) => (
          <>
            <PolicyForm session={session} tools={tools} onSaved={again} />
            <h2 className="mt-8 mb-3 font-semibold text-base">Always allowed</h2>
            <Rules rules={rules} onRevoked={again} />
          </>
        )}
      </Loading>
    </Screen>
  );
}

const amounts = [
  ["budget_usd", "Budget of the session, USD"],
  ["daily_budget_usd", "Budget of a day over all sessions, USD"],
  ["approval_threshold_usd", "Ask above, USD"],
  ["max_payment_usd", "Never pay more at once than, USD"],
] as const;

function PolicyForm({
  session,
  tools,
  onSaved,
}: {
  readonly session: Session;
  readonly tools: readonly string[];
  readonly onSaved: () => void;
}) {
  const client = usePaygent();
  const [told, setTold] = useState<{ readonly look: "info" | "bad"; readonly text: string }>();
  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => `${form.get(name) ?? ""}`.trim();
    const names = (name: string) =>
      text(name)
        .split(/[\s,]+/)
        .filter(Boolean);
    const rights = tools.map((tool) => [tool, text(`tool ${tool}`)] as const);
    try {
      await client.sessions.update(session.id, {
        config: {
          ...Object.fromEntries(amounts.map(([name]) => [name, text(name)])),
          payees: { allow: names("allow"), deny: names("deny") },
          // The choices of the lists below, and what is set for tools that are not here now.
          tools: Object.fromEntries(
            [...Object.entries(session.config.tools), ...rights].filter(([, right]) => right !== ""),
          ) as Session["config"]["tools"],
        },
      });
      setTold({ look: "info", text: "Saved. It holds for every call from now on." });
      onSaved();
    } catch (error) {
      setTold({ look: "bad", text: messageOf(error) });
    }
  };
  const { config } = session;
  return (
    <form className="grid max-w-2xl gap-4" onSubmit={(event) => void save(event)}>
      <div className="grid gap-4 sm:grid-cols-2">
        {amounts.map(([name, label]) => (
          <Field key={name} name={name} label={label} inputMode="decimal" defaultValue={config[name]} />
        ))}
        <Field
          name="allow"
          label="Only these payees"
          hint="Names or addresses; empty for all."
          defaultValue={config.payees.allow.join(" ")}
        />
        <Field
          name="deny"
          label="Never these payees"
          hint="Names or addresses."
          defaultValue={config.payees.deny.join(" ")}
        />
      </div>
      <fieldset className="grid gap-2 sm:grid-cols-2">
        <legend className="mb-1 font-semibold text-xs">Tools</legend>
        {tools.map((tool) => (
          <label key={tool} className="flex items-center justify-between gap-3">
            <span className="font-mono text-[13px]">{tool}</span>
            <select
              name={`tool ${tool}`}
              defaultValue={config.tools[tool] ?? ""}
              className="min-h-8 rounded-md border border-line bg-canvas px-2"
            >
              <option value="">by the amounts</option>
              <option value="allow">allow</option>
              <option value="ask">always ask</option>
              <option value="deny">deny</option>
            </select>
          </label>
        ))}
      </fieldset>
      {told === undefined ? null : <Notice look={told.look}>{plainText(told.text)}</Notice>}
      <Button look="primary" type="submit" className="justify-self-start">
        Save
      </Button>
    </form>
  );
}

function Rules({ rules, onRevoked }: { readonly rules: readonly SpendRuleInfo[]; readonly onRevoked: () => void }) {
  const client = usePaygent();
  const [failure, setFailure] = useState<string>();
  const revoke = (id: string) => {
    client.spendRules.revoke(id).then(onRevoked, (error) => setFailure(messageOf(error)));
  };
  if (rules.length === 0) return <Empty>No approval has left a rule behind.</Empty>;
  return (
    <>
      {failure === undefined ? null : <Notice look="bad">{plainText(failure)}</Notice>}
      <Table
        label="Spend rules"
        columns={["Tool", "Payee", "Each", "Total", "Used", "Until", ""]}
        rows={rules.map((rule) => ({
          key: rule.id,
          cells: [
            plainText(rule.tool_name),
            plainText(rule.payee ?? "anybody"),
            `${rule.max_amount} USD`,
            rule.total === undefined ? "no limit" : `${rule.total} USD`,
            `${rule.used} USD`,
            rule.expires_at === undefined ? "for good" : dateAndTime(rule.expires_at),
            rule.revoked_at === undefined ? (
              <Button key="revoke" onClick={() => revoke(rule.id)}>
                Revoke
              </Button>
            ) : (
              "revoked"
            ),
          ],
        }))}
      />
    </>
  );
}
