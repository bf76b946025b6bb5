/** Runs jobs one after the other, in the order in which they came; a failed job does not stop the next. */
type Lane = <Result>(job: () => Promise<Result>) => Promise<Result>;

/**
 * A lane for everything that one gas key sends: parallel transactions of a key race for its next nonce, and
 * one that reverts leaves a gap behind which all later ones wait.
 */
export function createLane(): Lane {
  let last: Promise<unknown> = Promise.resolve();
  return (job) => {
    const result = last.then(job, job);
    last = result.catch(() => undefined);
    return result;
  };
}
