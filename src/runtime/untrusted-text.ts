const longest = 500;

/**
 * Text from outside, fit to be shown beside what we say ourselves: one line, without control, direction and
 * other unseen characters, and no longer than a card has room for. `undefined` when nothing is left.
 */
export function untrustedText(text: string): string | undefined {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  const characters = [...line];
  if (characters.length === 0) return undefined;
  return characters.length <= longest ? line : `${characters.slice(0, longest - 1).join("")}…`;
}
