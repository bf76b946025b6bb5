import { useEffect, useMemo, useRef } from "react";
import type { ApprovalRequired } from "../../protocol/events.ts";
import type { Decide } from "./decide.ts";
import { lateSentence } from "./decided.ts";

/**
 * The decisions, and a word to `onTakenAway` for every request that left the page without having been decided
 * on it: somebody was faster, or it is over.
 */
export function useOwnDecisions<Request extends ApprovalRequired>(
  { approve, reject, edit }: Decide,
  requests: readonly Request[],
  onTakenAway: (request: Request) => void,
): Decide {
  const own = useRef(new Set<string>());
  const before = useRef(requests);
  const tell = useRef(onTakenAway);
  useEffect(() => {
    tell.current = onTakenAway;
  });
  useEffect(() => {
    const here = new Set(requests.map(({ request_id }) => request_id));
    const gone = before.current.filter(({ request_id: id }) => !here.has(id) && !own.current.has(id));
    before.current = requests;
    for (const request of gone) tell.current(request);
  }, [requests]);
  return useMemo(() => {
    const remember =
      <Rest extends unknown[]>(decision: (id: string, ...rest: Rest) => Promise<unknown>) =>
      async (id: string, ...rest: Rest) => {
        own.current.add(id);
        try {
          return await decision(id, ...rest);
        } catch (error) {
          if (lateSentence(error) === undefined) own.current.delete(id);
          throw error;
        }
      };
    return { approve: remember(approve), reject: remember(reject), edit: remember(edit) };
  }, [approve, reject, edit]);
}
