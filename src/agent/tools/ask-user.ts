import * as z from "zod";
import type { Tool } from "../../runtime/tool.ts";

/** Puts a question to the people of the session; their answer is the result. */
export const askUser: Tool = {
  name: "ask_user",
  description: "Ask the person you work for a question when you cannot go on without the answer.",
  args: z.strictObject({ question: z.string().min(1).max(4000) }),
  effect: "question",
};
