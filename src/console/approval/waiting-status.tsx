/** Says to those who do not see the page that something waits for them. */
export function WaitingStatus({ count }: { readonly count: number }) {
  return (
    <p role="status" className="sr-only">
      {count === 0 ? "" : count === 1 ? "One request waits for a decision." : `${count} requests wait for a decision.`}
    </p>
  );
}
