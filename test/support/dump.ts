import * as z from "zod";
import type { Tool } from "../../src/runtime/tool.ts";
import { scriptedModel } from "./scripted-model.ts";

/** More than the kernel keeps for a reader that does not read, and what the server may keep, together. */
const calls = 40;
const resultLength = 500_000;

/** Answers much. */
const dump: Tool = {
  name: "dump",
  description: "Answers much.",
  effect: "read",
  args: z.object({}),
  run: async () => "x".repeat(resultLength),
};

/** What a server needs for a command, `dump`, that says more than a socket takes which nobody reads. */
export function dumping() {
  const model = scriptedModel(({ messages }) => {
    const last = messages.at(-1);
    if (last?.role !== "user" || last.text !== "dump") return { text: "Done." };
    return { calls: Array.from({ length: calls }, () => ({ name: "dump", args: {} })) };
  });
  return { model, tools: [dump] };
}

/** Those of the frames that hold durable events. */
export function durableFrames(frames: readonly string[]): string[] {
  return frames.filter((text) => text.includes('"seq":'));
}
