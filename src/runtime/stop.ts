/** Why a run ends before its execution is finished, or is made to finish now. */
export type StopReason =
  | { readonly kind: "cancel" }
  | { readonly kind: "timeout" }
  /** The server goes down: the execution stays as it is and any node goes on with it. */
  | { readonly kind: "drain" }
  /** Another node has taken over; nothing may be written any more. */
  | { readonly kind: "lost" };

export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(`The run was stopped: ${reason.kind}.`);
    this.reason = reason;
  }
}

/** The work's outcome, or the signal's reason as soon as it aborts: work that does not heed it is left behind. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
