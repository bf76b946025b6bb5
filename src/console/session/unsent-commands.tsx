import { plainText } from "../plain-text.ts";

/** A command that the server has not answered yet. */
export interface UnsentCommand {
  readonly id: string;
  readonly command: string;
}

/** What was given while the server was away. */
export function UnsentCommands({ commands }: { readonly commands: readonly UnsentCommand[] }) {
  if (commands.length === 0) return null;
  return (
    <ul aria-label="Not sent yet" className="text-soft text-xs">
      {commands.map(({ id, command }) => (
        <li key={id} className="truncate">
          Not sent yet: <span className="font-mono">{plainText(command)}</span>
        </li>
      ))}
    </ul>
  );
}
