import { z } from "zod";
import type { Signal } from "../runtime/bus.ts";

const Seq = z.int().nonnegative();

/** How far a session's log has come: its events from `first` to `last` are new. */
const Head = z.object({ first: Seq, last: Seq }).readonly();
export type Head = z.infer<typeof Head>;

const AnySignal: z.ZodType<Signal> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("cancel"), executionId: z.string() }),
  z.object({ kind: z.literal("poke"), executionId: z.string() }),
  z.object({ kind: z.literal("work") }),
  z.object({ kind: z.literal("terminated"), sessionId: z.string() }),
]);

const HintMessage = z.object({
  from: z.string(),
  heads: z.record(z.string(), Head),
  /** Live text: the session, the last event that was told of before it, and the frame. */
  deltas: z.array(z.tuple([z.string(), Seq, z.string()])),
  /** A newer version may signal what this one does not know, and need not heed. */
  signals: z
    .array(z.unknown())
    .transform((signals) => signals.flatMap((signal) => AnySignal.safeParse(signal).data ?? [])),
});

/** One text between nodes. */
export type HintMessage = z.infer<typeof HintMessage>;

/** Reads a text from the bus, where others may write too; `undefined` when it is none of a node's. */
export function readHintMessage(text: string): HintMessage | undefined {
  try {
    return HintMessage.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
