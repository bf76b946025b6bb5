import { useCallback, useEffect, useRef, useState } from "react";
import { PaygentError } from "../protocol/errors.ts";

export interface Polled<Value> {
  /** What was read last; undefined before the first answer. */
  readonly value?: Value;
  readonly isLoading: boolean;
  /** Why it could not be read the last time; what was read before stays. */
  readonly error?: PaygentError;
}

/** Reads something every `refreshMs`, and when it is told to. `read` must keep its identity. */
export function usePolled<Value>(
  read: () => Promise<Value>,
  refreshMs: number,
): Polled<Value> & { readonly refresh: () => Promise<void> } {
  const [polled, setPolled] = useState<Polled<Value>>({ isLoading: true });
  const latest = useRef(0);

  const refresh = useCallback(async () => {
    latest.current += 1;
    const turn = latest.current;
    let next: Polled<Value>;
    try {
      next = { value: await read(), isLoading: false };
    } catch (cause) {
      const error = cause instanceof PaygentError ? cause : new PaygentError("internal", String(cause), { cause });
      next = { isLoading: false, error };
    }
    // An older answer that comes later must not undo a newer one.
    if (turn !== latest.current) return;
    setPolled((before) => (next.error === undefined ? next : { ...before, ...next }));
  }, [read]);

  useEffect(() => {
    void refresh();
    const timer = setInterval(() => void refresh(), refreshMs);
    return () => {
      latest.current += 1;
      clearInterval(timer);
    };
  }, [refresh, refreshMs]);
  return { ...polled, refresh };
}
