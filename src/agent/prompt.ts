import type {
  JSONValue,
  LanguageModelV4FunctionTool,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
} from "@ai-sdk/provider";
import type { ModelMessage, ModelRequest, ToolSpec } from "../runtime/agent-model.ts";

/** The request as AI SDK providers take it. */
export function toPrompt(request: ModelRequest): LanguageModelV4Prompt {
  const prompt: LanguageModelV4Prompt = [];
  if (request.instructions !== "") prompt.push({ role: "system", content: request.instructions });
  const answered = new Set<string>();
  for (const message of request.messages) if (message.role === "tool") answered.add(message.toolId);
  for (const message of request.messages) addMessage(prompt, message, answered);
  return prompt;
}

/** The offered tools as AI SDK providers take them. */
export function toFunctionTools(tools: readonly ToolSpec[]): LanguageModelV4FunctionTool[] {
  return tools.map(({ name, description, inputSchema }) => ({
    type: "function",
    name,
    description,
    // ToolSpec promises a JSON Schema of type object.
    inputSchema: inputSchema as LanguageModelV4FunctionTool["inputSchema"],
  }));
}

function addMessage(prompt: LanguageModelV4Message[], message: ModelMessage, answered: ReadonlySet<string>): void {
  switch (message.role) {
    case "user":
      prompt.push({ role: "user", content: [{ type: "text", text: message.text }] });
      return;
    case "assistant":
      addAssistant(prompt, message, answered);
      return;
    case "tool": {
      const { toolId, name, success } = message;
      // Results are read from the log's JSON; undefined is the one value that JSON lacks.
      const value = (message.result ?? null) as JSONValue;
      prompt.push({
        role: "tool",
        content: [
          {
            type: "tool-result",
            toolCallId: toolId,
            toolName: name,
            output: success ? { type: "json", value } : { type: "error-json", value },
          },
        ],
      });
    }
  }
}

function addAssistant(
  prompt: LanguageModelV4Message[],
  { text, toolCalls }: Extract<ModelMessage, { role: "assistant" }>,
  answered: ReadonlySet<string>,
): void {
  if (text === "" && toolCalls.length === 0) return;
  prompt.push({
    role: "assistant",
    content: [
      ...(text === "" ? [] : [{ type: "text" as const, text }]),
      ...toolCalls.map((call) => ({
        type: "tool-call" as const,
        toolCallId: call.toolId,
        toolName: call.name,
        input: call.args,
      })),
    ],
  });
  // Providers refuse a conversation with an unanswered call, such as one of a cancelled execution.
  const open = toolCalls.filter((call) => !answered.has(call.toolId));
  if (open.length === 0) return;
  prompt.push({
    role: "tool",
    content: open.map((call) => ({
      type: "tool-result",
      toolCallId: call.toolId,
      toolName: call.name,
      output: { type: "error-text", value: "This call was not finished; it has no result." },
    })),
  });
}
