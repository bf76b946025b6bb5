import { useCallback } from "react";
import { Link } from "wouter";
import { usdMicros } from "../../protocol/money.ts";
import type { Session } from "../../protocol/resources.ts";
import { usePaygent } from "../../react/index.ts";
import { dateAndTime } from "../format.ts";
import { PagesEnd } from "../parts/pages-end.tsx";
import { Empty, Screen } from "../parts/screen.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { usePages } from "../use-pages.ts";
import { sessionName } from "../use-session-names.ts";

const columns: readonly Column<Session>[] = [
  {
    name: "Session",
    sortBy: ({ id, title }) => sessionName(id, title ?? undefined).toLowerCase(),
    cell: ({ id, title }) => (
      <Link href={`/sessions/${id}`} className="text-accent underline">
        {sessionName(id, title ?? undefined)}
      </Link>
    ),
  },
  { name: "Status", sortBy: ({ status }) => status, cell: ({ status }) => status },
  {
    name: "Spent",
    isFigure: true,
    sortBy: ({ budget }) => usdMicros(budget.spent),
    cell: ({ budget }) => `${budget.spent} USD`,
  },
  {
    name: "Budget",
    isFigure: true,
    sortBy: ({ budget }) => usdMicros(budget.limit),
    cell: ({ budget }) => `${budget.limit} USD`,
  },
  { name: "Created", sortBy: ({ created_at }) => created_at, cell: ({ created_at }) => dateAndTime(created_at) },
  {
    name: "More",
    cell: ({ id }) => (
      <span className="inline-flex gap-3">
        <Link href={`/sessions/${id}/policy`} className="text-accent underline">
          Policy
        </Link>
        <Link href={`/sessions/${id}/log`} className="text-accent underline">
          Log
        </Link>
      </span>
    ),
  },
];

/** The user's sessions, newest first. */
export function SessionsScreen() {
  const client = usePaygent();
  const pages = usePages(
    useCallback((cursor: string | undefined) => client.sessions.list(cursor === undefined ? {} : { cursor }), [client]),
  );
  const { items } = pages;
  return (
    <Screen title="Sessions">
      {items === undefined ? null : items.length === 0 ? (
        <Empty>There is no session yet. Give the agent a command to begin one.</Empty>
      ) : (
        <Table label="Sessions" columns={columns} rows={items} keyOf={({ id }) => id} />
      )}
      <PagesEnd pages={pages} name="older sessions" />
    </Screen>
  );
}
