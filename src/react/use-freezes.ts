import { useMemo, useSyncExternalStore } from "react";
import type { PaygentClient } from "../client/client.ts";
import type { PaygentError } from "../protocol/errors.ts";
import type { Freeze } from "../protocol/freeze.ts";
import { freezesStore } from "./freezes-store.ts";
import { usePaygent } from "./provider.ts";

/** What stops payments, and the ways to change it. */
export interface FreezesView {
  /** What stops payments now: of everybody, of the user, of the user's sessions. */
  readonly freezes: readonly Freeze[];
  readonly isLoading: boolean;
  /** Why the list could not be read the last time; what was read before stays. */
  readonly error?: PaygentError;
  readonly refresh: () => Promise<void>;
  readonly put: PaygentClient["freezes"]["put"];
  readonly lift: PaygentClient["freezes"]["lift"];
}

const none: readonly Freeze[] = [];

/**
 * The freezes that concern the user, asked for every `refreshMs` and after each change, once for all components
 * that show them. A session's own view (`useSession().frozen`) knows of a change at once.
 */
export function useFreezes({ refreshMs = 3000 }: { readonly refreshMs?: number } = {}): FreezesView {
  const client = usePaygent();
  const { subscribe, polled, refresh } = freezesStore(client, refreshMs);
  const { value: freezes = none, isLoading, error } = useSyncExternalStore(subscribe, polled, polled);
  const changes = useMemo(
    () =>
      ({
        put: (body) => client.freezes.put(body).finally(refresh),
        lift: (target) => client.freezes.lift(target).finally(refresh),
      }) satisfies Pick<FreezesView, "put" | "lift">,
    [client, refresh],
  );
  return useMemo(
    () => ({ freezes, isLoading, ...(error === undefined ? {} : { error }), refresh, ...changes }),
    [freezes, isLoading, error, refresh, changes],
  );
}
