const examples = [
  ["pay 0.10 USDC to market-data", "Within the policy, so it is paid at once."],
  ["pay 25 USDC to premium-report", "Above the threshold of 10 USD, so you are asked."],
  ["research payments", "A plan, a subagent and two small payments."],
] as const;

/** Commands to begin with. */
export function Examples({
  isBusy = false,
  onRun,
}: {
  readonly isBusy?: boolean;
  readonly onRun: (command: string) => void;
}) {
  return (
    <ul className="grid gap-2">
      {examples.map(([command, what]) => (
        <li key={command}>
          <button
            type="button"
            disabled={isBusy}
            onClick={() => onRun(command)}
            className="w-full rounded-md border border-line bg-panel px-3 py-2 text-left hover:border-accent"
          >
            <span className="block font-mono text-[13px]">{command}</span>
            <span className="block text-soft text-xs">{what}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}
