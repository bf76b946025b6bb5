/** Says that what is shown is not all that ever happened, where the older part was moved to the server's archive. */
export function ArchivedLine({ sessionId, firstSeq }: { readonly sessionId: string; readonly firstSeq: number }) {
  if (firstSeq === 1) return null;
  return (
    <p className="border-line border-b px-4 py-1 text-soft text-xs md:px-8">
      Events 1 to {firstSeq - 1} are in the server's archive, in the folder{" "}
      <code className="break-all font-mono">{sessionId}</code>. Whoever runs the server has them.
    </p>
  );
}
