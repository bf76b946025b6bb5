/** One thing that a command asks for, as the tool call that does it. */
export interface CommandStep {
  /** What the person wrote for this step, with single spaces. */
  readonly title: string;
  readonly tool: string;
  readonly args: Readonly<Record<string, string | number>>;
}

/** What a command means; nothing of a command is done when a part of it was not understood. */
export type ParsedCommand =
  | { readonly kind: "steps"; readonly steps: readonly CommandStep[] }
  | { readonly kind: "not_understood"; readonly part: string; readonly reason: string | undefined };

type Call = Pick<CommandStep, "tool" | "args">;
type Reading = Call | { readonly reason: string } | undefined;

const maxSteps = 50;
const maxTitleLength = 300;
const amountPattern = /^\$?((?:0|[1-9]\d{0,11})(?:\.\d{1,6})?)([a-z]*)$/;
const addressPattern = /^0x[0-9a-f]{40}$/i;
const serviceWordPattern = /^[a-z0-9][a-z0-9._-]*$/;
const dollars: ReadonlySet<string> = new Set(["usdc", "usd", "dollar", "dollars"]);

/** The grammar, as it is told to a person whose command was not understood. */
export const grammarText = [
  "pay <amount> <currency> to <service or 0x address>",
  "buy <service>",
  "transfer <amount> <currency> to <0x address>",
  "check balance",
  "find services [for <words>]",
  "fetch <url>",
  "wait <n> seconds",
  "research <topic>",
  "ask me <question>",
]
  .map((line) => `  ${line}\n`)
  .join("");

/** Reads a command by the grammar of the offline rules: in linear time, for any text, without guessing. */
export function parseCommand(text: string): ParsedCommand {
  const parts = splitSteps(text);
  if (parts.length > maxSteps) {
    return { kind: "not_understood", part: "", reason: `A command may have at most ${maxSteps} steps.` };
  }
  const steps: CommandStep[] = [];
  for (const words of parts) {
    const title = clip(words.join(" "));
    const reading = readStep(words);
    if (!reading || "reason" in reading) return { kind: "not_understood", part: title, reason: reading?.reason };
    steps.push({ title, ...reading });
  }
  if (steps.length === 0) return { kind: "not_understood", part: clip(text.trim()), reason: undefined };
  return { kind: "steps", steps };
}

function splitSteps(text: string): string[][] {
  const parts: string[][] = [];
  let words: string[] = [];
  const finish = () => {
    if (words.length > 0) parts.push(words);
    words = [];
  };
  for (const word of text.split(/\s+/)) {
    if (trimEnd(word, ",:").toLowerCase() === "then") {
      if (words.at(-1)?.toLowerCase() === "and") words.pop();
      finish();
      continue;
    }
    // A URL may hold semicolons; only one that ends it separates steps.
    const pieces = word.includes("://") && !word.endsWith(";") ? [word] : word.split(";");
    pieces.forEach((piece, index) => {
      if (index > 0) finish();
      if (piece !== "") words.push(piece);
    });
  }
  finish();
  return parts;
}

function readStep(written: readonly string[]): Reading {
  const words = withoutCourtesy(written);
  const verb = words[0]?.toLowerCase();
  const rest = words.slice(1);
  const plain = withoutFullStop(rest).map((word) => word.toLowerCase());
  switch (verb && trimEnd(verb, ".,!:")) {
    case "pay":
      return readPay(withoutFullStop(rest), { direct: false });
    case "transfer":
    case "send":
      return readPay(withoutFullStop(rest), { direct: true });
    case "buy":
      return readBuy(plain);
    case "check":
    case "show":
      return readBalance(plain);
    case "find":
    case "list":
    case "discover":
      return readFind(plain);
    case "fetch":
    case "get":
      return readFetch(withoutFullStop(rest));
    case "wait":
      return readWait(plain);
    case "research":
      return readResearch(withoutFullStop(rest));
    case "ask":
      return readAsk(rest);
    default:
      return undefined;
  }
}

function readPay(words: readonly string[], { direct }: { direct: boolean }): Reading {
  const money = readMoney(words);
  if (!money) return undefined;
  if ("reason" in money) return money;
  const link = words[money.length]?.toLowerCase();
  if (link !== "to" && (link !== "for" || direct)) return undefined;
  const target = words.slice(money.length + 1);
  const first = target[0] ?? "";
  if (direct || /^0x/i.test(first)) {
    if (target.length !== 1 || !addressPattern.test(first)) {
      return { reason: "The payee must be one address of 0x and 40 hexadecimal digits." };
    }
    return { tool: "transfer", args: { to: first, amount: money.amount, currency: "USDC" } };
  }
  const service = readService(target);
  return service === undefined ? undefined : { tool: "pay_service", args: { service, max_amount: money.amount } };
}

function readBuy(words: readonly string[]): Reading {
  const priced = words.lastIndexOf("for");
  if (priced > 0) {
    const limit = words.slice(priced + 1);
    const money = readMoney(limit);
    if (!money || "reason" in money) return money;
    const service = readService(words.slice(0, priced));
    return service !== undefined && money.length === limit.length
      ? { tool: "pay_service", args: { service, max_amount: money.amount } }
      : undefined;
  }
  const service = readService(words);
  return service === undefined ? undefined : { tool: "pay_service", args: { service } };
}

/** An amount with its currency, in one word or two; `length` counts the words it took. */
function readMoney(
  words: readonly string[],
): { readonly amount: string; readonly length: number } | { readonly reason: string } | undefined {
  const first = words[0]?.toLowerCase();
  if (first === undefined || !/^[$.\-+]?\d/.test(first)) return undefined;
  const match = amountPattern.exec(first);
  const amount = match?.[1];
  if (!match || amount === undefined) {
    return { reason: `"${clip(first)}" is no amount that can be read without guessing; write it like 0.10 or 1000.` };
  }
  const next = words[1]?.toLowerCase() ?? "";
  const isNextCurrency = next !== "to" && next !== "for" && next !== "";
  if (match[2] !== "") {
    return dollars.has(match[2] ?? "") && !isNextCurrency ? { amount, length: 1 } : unknownCurrency(match[2] || next);
  }
  if (first.startsWith("$") && !isNextCurrency) return { amount, length: 1 };
  if (!isNextCurrency) return { reason: `The amount ${amount} has no currency; write "${amount} USDC".` };
  return dollars.has(next) ? { amount, length: 2 } : unknownCurrency(next);
}

function unknownCurrency(word: string): { readonly reason: string } {
  return { reason: `"${clip(word)}" is no currency that can be paid in; write USDC.` };
}

function readService(words: readonly string[]): string | undefined {
  const names = words.map((word) => word.toLowerCase());
  if (names[0] === "the") names.shift();
  if (names.length > 1 && names.at(-1) === "service") names.pop();
  if (names.length === 0 || names.length > 4) return undefined;
  if (names.some((name) => name === "and" || name.length > 64 || !serviceWordPattern.test(name))) return undefined;
  return names.join("-");
}

function readBalance(words: readonly string[]): Reading {
  const asked = words.filter((word) => word !== "my" && word !== "the");
  return asked.length === 1 && asked[0] === "balance" ? { tool: "check_balance", args: {} } : undefined;
}

function readFind(words: readonly string[]): Reading {
  const at = words.indexOf("services");
  if (at < 0 || at > 3) return undefined;
  if (words.slice(0, at).some((word) => !["all", "the", "available"].includes(word))) return undefined;
  const rest = words.slice(at + 1);
  if (rest.length === 0) return { tool: "discover_services", args: {} };
  if (rest[0] !== "for" || rest.length === 1) return undefined;
  return { tool: "discover_services", args: { query: rest.slice(1).join(" ").slice(0, 200) } };
}

function readFetch(words: readonly string[]): Reading {
  const url = words[0];
  if (url === undefined || words.length > 1) return undefined;
  if (/^https?:\/\//i.test(url)) return { tool: "fetch_url", args: { url } };
  return { reason: "A page to fetch needs its whole URL, such as https://example.com/." };
}

function readWait(words: readonly string[]): Reading {
  const asked = words[0] === "for" ? words.slice(1) : words;
  const match = /^(\d{1,6}(?:\.\d{1,3})?)([a-z]*)$/.exec(asked[0] ?? "");
  if (!match) return undefined;
  const unit = match[2] === "" ? asked[1] : match[2];
  if (asked.length > (match[2] === "" ? 2 : 1)) return undefined;
  if (!["s", "sec", "secs", "second", "seconds"].includes(unit ?? "")) {
    return { reason: 'Waiting is counted in seconds; write "wait 5 seconds".' };
  }
  const seconds = Number(match[1]);
  if (seconds <= 0 || seconds > 300) return { reason: "Waiting is possible for more than 0 and at most 300 seconds." };
  return { tool: "wait", args: { seconds } };
}

function readResearch(words: readonly string[]): Reading {
  const topic = words.join(" ");
  return topic === "" ? undefined : { tool: "delegate", args: { agent: "researcher", task: topic } };
}

function readAsk(words: readonly string[]): Reading {
  if (trimEnd(words[0] ?? "", ":,").toLowerCase() !== "me") return undefined;
  const question = words.slice(1).join(" ");
  return question === "" ? undefined : { tool: "ask_user", args: { question } };
}

function withoutCourtesy(words: readonly string[]): readonly string[] {
  let start = 0;
  while (["please", "and"].includes(trimEnd(words[start] ?? "", ",").toLowerCase())) start += 1;
  let end = words.length;
  while (end > start && trimEnd(words[end - 1] ?? "", ".!").toLowerCase() === "please") end -= 1;
  return words.slice(start, end);
}

function withoutFullStop(words: readonly string[]): readonly string[] {
  const last = words.at(-1);
  if (last === undefined) return words;
  const trimmed = trimEnd(last, ".,!");
  return trimmed === "" ? words.slice(0, -1) : [...words.slice(0, -1), trimmed];
}

// A pattern such as /[.!]+$/ takes quadratic time on a long run of dots.
function trimEnd(word: string, characters: string): string {
  let end = word.length;
  while (end > 0 && characters.includes(word.charAt(end - 1))) end -= 1;
  return word.slice(0, end);
}

function clip(text: string): string {
  return text.length > maxTitleLength ? `${text.slice(0, maxTitleLength - 1)}…` : text;
}
