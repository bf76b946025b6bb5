import { useCallback, useMemo } from "react";
import { usePaygent } from "../react/index.ts";
import { plainText } from "./plain-text.ts";
import { useLoaded } from "./use-loaded.ts";

/** How many of the newest sessions can be chosen from and are shown by their title. */
const namedSessions = 200;

export interface SessionNames {
  /** A session's title, or the beginning of its id. */
  readonly nameOf: (sessionId: string) => string;
  /** The newest sessions, as choices of a list. */
  readonly choices: readonly (readonly [id: string, name: string])[];
}

/** What sessions are called, where only their ids are told. */
export function useSessionNames(): SessionNames {
  const client = usePaygent();
  const [loaded] = useLoaded(useCallback(() => client.sessions.list({ limit: namedSessions }), [client]));
  return useMemo(() => {
    const sessions = loaded.state === "ready" ? loaded.value.data : [];
    const choices = sessions.map(({ id, title }) => [id, sessionName(id, title ?? undefined)] as const);
    const names = new Map(choices);
    return { nameOf: (id) => names.get(id) ?? sessionName(id, undefined), choices };
  }, [loaded]);
}

export function sessionName(id: string, title: string | undefined): string {
  return title === undefined ? id.slice(0, 8) : plainText(title);
}
