import { useCallback } from "react";
import { Link } from "wouter";
import { usePaygent } from "../../react/index.ts";
import { Loading } from "../parts/loading.tsx";
import { Screen } from "../parts/screen.tsx";
import { Tabs } from "../parts/tabs.tsx";
import { useLoaded } from "../use-loaded.ts";
import { sessionName } from "../use-session-names.ts";
import { PolicyForm } from "./policy-form.tsx";
import { Simulate } from "./simulate.tsx";
import { SpendRules } from "./spend-rules.tsx";

/** What a session may spend, what it asks about, and what a call would meet. */
export function PolicyScreen({ sessionId }: { readonly sessionId: string }) {
  const client = usePaygent();
  const load = useCallback(async () => {
    const [session, tools, rules] = await Promise.all([
      client.sessions.get(sessionId),
      client.tools.list(),
      client.spendRules.list(sessionId),
    ]);
    return { session, tools: tools.data, rules: rules.data };
  }, [client, sessionId]);
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
            <p className="mb-3 text-soft">
              {sessionName(session.id, session.title ?? undefined)}, policy version {session.policy_version}
            </p>
            <Tabs
              label="Policy"
              tabs={[
                {
                  name: "Settings",
                  content: <PolicyForm session={session} tools={tools.map(({ name }) => name)} onSaved={again} />,
                },
                { name: "Always allowed", content: <SpendRules rules={rules} onRevoked={again} /> },
                {
                  name: "Simulate",
                  content: <Simulate session={session} tools={tools} />,
                },
              ]}
            />
          </>
        )}
      </Loading>
    </Screen>
  );
}
