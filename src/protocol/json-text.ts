import { PaygentError } from "./errors.ts";

const maxDepth = 16;
const maxKeys = 1024;

/** Keys that mean a prototype to JavaScript that is careless with them. */
const poisonousKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const quote = 34;
const minus = 45;
const digit0 = 48;
const digit9 = 57;
const backslash = 92;
const openBracket = 91;
const closeBracket = 93;
const openBrace = 123;
const closeBrace = 125;
const colon = 58;

/**
 * The value of a JSON text that came from outside. Throws `invalid_json` for what is not JSON, is nested
 * deeper than 16, or has a key twice in one object; `invalid_message` for more than 1,024 keys, a key such
 * as `__proto__`, a NUL or lone surrogate in a string, and a number beyond what JavaScript can hold.
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may hold a secret.
    throw new PaygentError("invalid_json", "The text is not valid JSON; send one JSON object in UTF-8 without a BOM.");
  }
  checkText(text);
  return value;
}

/**
 * The texts of the objects in an array of objects, byte for byte, with what comes behind the array. `start` is
 * behind the array's bracket, in text that is known to be JSON.
 */
export function objectTexts(text: string, start: number): { readonly texts: string[]; readonly end: number } {
  const texts: string[] = [];
  let depth = 0;
  let from = start;
  for (let i = start; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === quote) i = endOfString(text, i);
    else if (char === openBrace || char === openBracket) {
      if (depth === 0) from = i;
      depth++;
    } else if (char === closeBrace || char === closeBracket) {
      if (depth === 0) return { texts, end: i + 1 };
      depth--;
      if (depth === 0) texts.push(text.slice(from, i + 1));
    }
  }
  return { texts, end: text.length };
}

/** The position of the quote that closes the string opened at `open`. */
function endOfString(text: string, open: number): number {
  let end = text.indexOf('"', open + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

/** Whether an odd number of backslashes stands before the character. */
function isEscaped(text: string, position: number): boolean {
  let before = position - 1;
  while (text.charCodeAt(before) === backslash) before--;
  return (position - before) % 2 === 0;
}

function endOfNumber(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && /[\d.eE+-]/.test(text.charAt(i))) i++;
  return i;
}

/** Whether the next character behind white space is a colon, which makes the string before it a key. */
function isKey(text: string, end: number): boolean {
  let i = end + 1;
  while (i < text.length && text.charCodeAt(i) <= 32) i++;
  return text.charCodeAt(i) === colon;
}

/**
 * One pass over text that JSON.parse has accepted. It works on the text because duplicate keys are gone
 * from the value, and because walking a value of unknown depth can overflow the stack. What makes the text
 * no proper JSON wins over what makes it no proper message, wherever the two stand.
 */
function checkText(text: string): void {
  let objection = text.isWellFormed() ? undefined : "A string has a lone surrogate; send well-formed Unicode.";
  // One entry an open container: the keys seen, or undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  let keyCount = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === quote) {
      const end = endOfString(text, i);
      const raw = text.slice(i + 1, end);
      // Only an escape can make a string differ from its text.
      const content = raw.includes("\\") ? unescaped(text.slice(i, end + 1)) : raw;
      if (content !== raw) {
        if (content.includes("\0")) objection ??= "A string has a NUL character; leave it out.";
        else if (!content.isWellFormed()) objection ??= "A string has a lone surrogate; send well-formed Unicode.";
      }
      const keys = open.at(-1);
      if (keys !== undefined && isKey(text, end)) {
        if (keys.has(content)) {
          throw new PaygentError("invalid_json", "An object has the same key twice; send each key once.");
        }
        keys.add(content);
        keyCount++;
        if (poisonousKeys.has(content)) objection ??= `The key "${content}" is not allowed; use another name.`;
      }
      i = end;
    } else if (char === openBrace || char === openBracket) {
      open.push(char === openBrace ? new Set() : undefined);
      if (open.length > maxDepth) {
        throw new PaygentError("invalid_json", `The JSON is nested deeper than ${maxDepth} levels; make it flatter.`);
      }
    } else if (char === closeBrace || char === closeBracket) {
      open.pop();
    } else if (char === minus || (char >= digit0 && char <= digit9)) {
      const end = endOfNumber(text, i);
      if (!Number.isFinite(Number(text.slice(i, end)))) objection ??= "A number is too large; send it as a string.";
      i = end - 1;
    }
  }
  if (keyCount > maxKeys) objection ??= `There are more than ${maxKeys} keys; send fewer.`;
  if (objection !== undefined) throw new PaygentError("invalid_message", objection);
}

function unescaped(literal: string): string {
  // The whole text was accepted, so this part of it is a JSON string.
  return JSON.parse(literal) as string;
}
