import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { useLocation } from "wouter";
import type { Freeze, FreezeTarget } from "../../protocol/freeze.ts";
import type { IdentityInfo } from "../../protocol/resources.ts";
import { useFreezes, usePaygent, useSession } from "../../react/index.ts";
import { messageOf } from "../format.ts";
import { useLoaded } from "../use-loaded.ts";

interface FreezeState {
  /** What stops payments now, as far as it concerns the user or the session that is shown. */
  readonly freezes: readonly Freeze[];
  /** The session that the page is of. */
  readonly sessionId: string | undefined;
  readonly identity: IdentityInfo | undefined;
  /** What became of the last change, when it went wrong. */
  readonly failure: string | undefined;
  readonly isChanging: boolean;
  readonly freeze: (target: FreezeTarget) => void;
  readonly release: (target: FreezeTarget) => void;
  readonly dismiss: () => void;
}

const FreezeContext = createContext<FreezeState | undefined>(undefined);

/** Knows what is frozen, for every page: by asking, and of the session that is shown at once. */
export function FreezeProvider({ children }: { readonly children: ReactNode }) {
  const client = usePaygent();
  const [location] = useLocation();
  const { freezes: asked, refresh, put, lift } = useFreezes();
  const [identity] = useLoaded(useCallback(() => client.identity.get(), [client]));
  const [ofSession, setOfSession] = useState<readonly Freeze[]>();
  const [failure, setFailure] = useState<string>();
  const [isChanging, setIsChanging] = useState(false);
  const [, sessionId, page] = /^\/sessions\/([^/]+)(\/\w+)?$/.exec(location) ?? [];
  const isLive = sessionId !== undefined && (page === undefined || page === "/log");

  const change = useCallback(async (what: string, made: Promise<unknown>) => {
    setIsChanging(true);
    setFailure(undefined);
    try {
      await made;
    } catch (error) {
      setFailure(`${what} ${messageOf(error)}`);
    } finally {
      setIsChanging(false);
    }
  }, []);
  const told = useCallback(
    (frozen: readonly Freeze[] | undefined) => {
      setOfSession(frozen);
      void refresh();
    },
    [refresh],
  );
  const state = useMemo<FreezeState>(
    () => ({
      freezes: ofSession === undefined ? asked : merged(asked, ofSession, sessionId),
      sessionId,
      identity: identity.state === "ready" ? identity.value : undefined,
      failure,
      isChanging,
      freeze: (target) => void change("Payments are not frozen:", put(target)),
      release: (target) => void change("Payments are still frozen:", lift(target)),
      dismiss: () => setFailure(undefined),
    }),
    [asked, ofSession, sessionId, identity, failure, isChanging, change, put, lift],
  );
  return (
    <FreezeContext.Provider value={state}>
      {isLive ? <LiveFreezes key={sessionId} sessionId={sessionId} onChange={told} /> : null}
      {children}
    </FreezeContext.Provider>
  );
}

/** Listens to the session that is shown; its screen has the same connection. */
function LiveFreezes({
  sessionId,
  onChange,
}: {
  readonly sessionId: string;
  readonly onChange: (frozen: readonly Freeze[] | undefined) => void;
}) {
  const { frozen, userId } = useSession(sessionId);
  const isKnown = userId !== undefined;
  useEffect(() => {
    if (isKnown) onChange(frozen);
    return () => onChange(undefined);
  }, [frozen, isKnown, onChange]);
  return null;
}

/** What a session's own connection says of it is newer than what was asked for, and tells of its owner's freeze. */
function merged(
  asked: readonly Freeze[],
  ofSession: readonly Freeze[],
  sessionId: string | undefined,
): readonly Freeze[] {
  const others = asked.filter(({ scope, session_id, user_id }) => {
    if (scope === "session") return session_id !== sessionId;
    return scope === "user" && !ofSession.some((freeze) => freeze.user_id === user_id);
  });
  return [...ofSession, ...others];
}

export function useFreezeState(): FreezeState {
  const state = useContext(FreezeContext);
  if (state === undefined) throw new Error("Render the component inside <FreezeProvider>.");
  return state;
}

/**
 * What stops the payments of a session, as far as this page knows: of another user's session in the inbox it does
 * not know that its owner froze it, and the server says so when somebody approves.
 */
export function useFreezeOf(sessionId: string): Freeze | undefined {
  const { freezes } = useFreezeState();
  return freezes.find(({ scope, session_id }) => scope !== "session" || session_id === sessionId);
}
