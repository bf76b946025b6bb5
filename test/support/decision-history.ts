/** What somebody did about one approval request or its execution, and what the server answered. */
export interface Operation {
  readonly kind: "approve" | "reject" | "edit" | "bad_edit" | "cancel";
  readonly by: string;
  /** Places in one order over all sockets: an operation that was answered before another was sent comes before it. */
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly answer: Answer;
}

export type Answer =
  /** The decision or the cancellation is in the log under this operation's name. */
  | { readonly kind: "won" }
  | { readonly kind: "refused"; readonly code: string; readonly decision?: string; readonly decidedBy?: string }
  /** Only a cancellation that another one was ahead of. */
  | { readonly kind: "silent" };

interface State {
  readonly decided: { readonly decision: string; readonly by: string } | undefined;
  readonly isCancelled: boolean;
  readonly hasEnded: boolean;
}

const decisions = { approve: "approved", reject: "rejected", edit: "edited" } as const;

/** Whether some order of the operations, one after the other, gives exactly these answers. */
export function isLinearizable(operations: readonly Operation[]): boolean {
  const failed = new Set<string>();
  const search = (left: readonly Operation[], state: State): boolean => {
    if (left.length === 0) return true;
    const key = JSON.stringify([left.map((operation) => operations.indexOf(operation)), state]);
    if (failed.has(key)) return false;
    const firstAnswer = Math.min(...left.map(({ answeredAt }) => answeredAt));
    for (const operation of left.filter(({ sentAt }) => sentAt <= firstAnswer)) {
      for (const next of after(state, operation)) {
        if (
          search(
            left.filter((other) => other !== operation),
            next,
          )
        )
          return true;
      }
    }
    failed.add(key);
    return false;
  };
  return search(operations, { decided: undefined, isCancelled: false, hasEnded: false });
}

/** The states that an operation can leave behind when it gets its answer in `state`; none when it cannot get it. */
function after(state: State, { kind, by, answer }: Operation): State[] {
  if (kind === "bad_edit") return isRefusal(answer, "invalid_arguments") ? [state] : [];
  if (kind === "cancel") return afterCancel(state, answer);
  if (state.decided !== undefined) {
    const { decision, by: winner } = state.decided;
    const names = answer.kind === "refused" && answer.decision === decision && answer.decidedBy === winner;
    return isRefusal(answer, "already_decided") && names ? [state] : [];
  }
  if (state.isCancelled) return isRefusal(answer, "execution_ended") ? [state] : [];
  return answer.kind === "won" ? [{ ...state, decided: { decision: decisions[kind], by } }] : [];
}

function afterCancel(state: State, answer: Answer): State[] {
  // Once decided, the execution goes on, and may end between any two operations.
  const mayHaveEnded = state.hasEnded || state.decided !== undefined || state.isCancelled;
  if (isRefusal(answer, "execution_ended")) return mayHaveEnded ? [{ ...state, hasEnded: true }] : [];
  if (state.hasEnded) return [];
  if (answer.kind === "won") return state.isCancelled ? [] : [{ ...state, isCancelled: true }];
  return answer.kind === "silent" && state.isCancelled && state.decided !== undefined ? [state] : [];
}

function isRefusal(answer: Answer, code: string): boolean {
  return answer.kind === "refused" && answer.code === code;
}
