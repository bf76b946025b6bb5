/** Characters that hide or reorder text: bidirectional controls, zero-width ones, and control characters. */
const unseen = /[\p{Cf}\p{Zl}\p{Zp}]|(?![\n\t])\p{Cc}/gu;

/** Untrusted text with what cannot be seen spelled out, so that nothing pretends to be something else. */
export function plainText(text: string): string {
  return text.replace(unseen, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `\u27e8U+${hex}\u27e9`;
  });
}

/** JSON for reading, or a text as it is. */
export function plainValue(value: unknown): string {
  return plainText(typeof value === "string" ? value : (JSON.stringify(value, undefined, 2) ?? "nothing"));
}

/** Arguments on one line: `service=news max_amount=2`. */
export function argsLine(args: Readonly<Record<string, unknown>>): string {
  return Object.entries(args)
    .map(([name, value]) => `${name}=${plainText(typeof value === "string" ? value : JSON.stringify(value))}`)
    .join(" ");
}
