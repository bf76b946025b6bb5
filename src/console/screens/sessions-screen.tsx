import { useCallback, useState } from "react";
import { Link } from "wouter";
import type { Session } from "../../protocol/resources.ts";
import { usePaygent } from "../../react/index.ts";
import { dateAndTime, messageOf } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Loading } from "../parts/loading.tsx";
import { Notice } from "../parts/notice.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { Table } from "../parts/table.tsx";
import { plainText } from "../plain-text.ts";
import { useLoaded } from "../use-loaded.ts";

/** The user's sessions, newest first. */
export function SessionsScreen() {
  const client = usePaygent();
  const [first, again] = useLoaded(useCallback(() => client.sessions.list(), [client]));
  const [older, setOlder] = useState<readonly Session[]>([]);
  const [cursor, setCursor] = useState<string | null>();
  const [failure, setFailure] = useState<string>();
  const more = async (from: string) => {
    try {
      const page = await client.sessions.list({ cursor: from });
      setOlder((before) => [...before, ...page.data]);
      setCursor(page.next_cursor);
    } catch (error) {
      setFailure(messageOf(error));
    }
  };
  return (
    <Screen title="Sessions">
      <Loading of={first} again={again}>
        {(page) => {
          const sessions = [...page.data, ...older];
          const next = cursor === undefined ? page.next_cursor : cursor;
          if (sessions.length === 0)
            return <Empty>There is no session yet. Give the agent a command to begin one.</Empty>;
          return (
            <>
              <Table
                label="Sessions"
                columns={["Session", "Status", "Spent", "Budget", "Created"]}
                rows={sessions.map((session) => ({
                  key: session.id,
                  cells: [
                    <Link key="link" href={`/sessions/${session.id}`} className="text-accent underline">
                      {plainText(session.title ?? session.id)}
                    </Link>,
                    session.status,
                    `${session.budget.spent} USD`,
                    `${session.budget.limit} USD`,
                    dateAndTime(session.created_at),
                  ],
                }))}
              />
              {failure === undefined ? null : <Notice look="bad">{failure}</Notice>}
              {next === null ? null : (
                <Button className="mt-3" onClick={() => void more(next)}>
                  Older sessions
                </Button>
              )}
            </>
          );
        }}
      </Loading>
    </Screen>
  );
}
