import * as z from "zod";
import { durableEvents, liveEvents, type ServerEvent } from "../protocol/events.ts";

const Envelope = z.object({
  type: z.string(),
  data: z.record(z.string(), z.unknown()),
  timestamp: z.string(),
  seq: z.int().positive().optional(),
  ref: z.string().optional(),
});

/** An event as received. `event` is absent when this version of the client does not know its type. */
export interface ReceivedEvent {
  readonly seq: number | undefined;
  readonly event: ServerEvent | undefined;
}

/**
 * Reads a frame. Only the envelope is checked: a newer server may add fields and values, and an event
 * dropped for that would be a gap in the log. `undefined` for what is no event at all.
 */
export function readServerEvent(text: unknown): ReceivedEvent | undefined {
  if (typeof text !== "string") return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const envelope = Envelope.safeParse(json);
  if (!envelope.success) return undefined;
  const { type, seq } = envelope.data;
  const isKnown = Object.hasOwn(durableEvents, type) || Object.hasOwn(liveEvents, type);
  // The server is trusted to fill `data` as the protocol says for its type.
  return { seq, event: isKnown ? (json as ServerEvent) : undefined };
}

/** The events that end an execution. */
export type ExecutionEnd = Extract<ServerEvent, { type: "complete" | "cancelled" | "error"; seq: number }>;

/** Whether an event is the last one of its execution. */
export function isExecutionEnd(event: ServerEvent): event is ExecutionEnd {
  if (event.seq === undefined) return false;
  return event.type === "complete" || event.type === "cancelled" || (event.type === "error" && event.data.fatal);
}
