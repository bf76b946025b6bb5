import type * as z from "zod";
import { PaygentError } from "./errors.ts";
import { parseJson } from "./json-text.ts";
import { ClientMessage, messageTypes } from "./messages.ts";

const maxDetail = 300;

/**
 * A client's message out of the text of a WebSocket frame. Throws `invalid_json`, `invalid_message` or
 * `unknown_message_type`; the error names the field and what was expected, and never repeats a value.
 */
export function decodeMessage(text: string): ClientMessage {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new PaygentError("invalid_message", 'A message is a JSON object such as {"type":"ping","data":{}}.');
  }
  const type: unknown = "type" in value ? value.type : undefined;
  if (typeof type === "string" && !messageTypes.has(type)) {
    throw new PaygentError(
      "unknown_message_type",
      `"${printable(type, 40)}" is no message type; use one of ${[...messageTypes].join(", ")}.`,
    );
  }
  return parseBody(ClientMessage, value);
}

/** The `id` that the answer to a message must carry as `ref`, if it can be made out, whatever else is wrong. */
export function refOf(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("id" in value)) return undefined;
  const { id } = value;
  return typeof id === "string" && id.length <= 128 && id.isWellFormed() && !id.includes("\0") ? id : undefined;
}

/** Checks a decoded value, such as the body of an HTTP request. Throws `invalid_message`, naming the field. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new PaygentError("invalid_message", describe(parsed.error.issues));
}

/** A sentence about the first issue: the path of the field, and what was expected there. */
function describe(issues: readonly z.core.$ZodIssue[]): string {
  const [issue] = issues;
  if (issue === undefined) return "The message is not valid.";
  const path = issue.path.map((part) => printable(String(part), 60)).join(".");
  const sentence = `${path === "" ? "The message" : `"${path}"`}: ${expectation(issue)}.`;
  return sentence.length <= maxDetail ? sentence : `${sentence.slice(0, maxDetail - 1).toWellFormed()}…`;
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return `has unknown fields (${issue.keys.map((key) => printable(key, 40)).join(", ")}); leave them out`;
  }
  if (issue.code === "invalid_key") return "has a key that is too long or empty";
  return printable(issue.message, 200);
}

/** Text of the client's making, cut short and without characters that could pass for something else. */
function printable(text: string, maxLength: number): string {
  const cut = text.length <= maxLength ? text : `${text.slice(0, maxLength - 1).toWellFormed()}…`;
  return cut.replace(/[^\p{L}\p{N}\p{P}\p{S} ]|["<>]/gu, (char) => (/["<>]/.test(char) ? "'" : "�"));
}
