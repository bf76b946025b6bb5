import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A tool call of the stubbed model; `rawArgs` is streamed as it stands, valid JSON or not. */
export type StubCall = { readonly name: string } & (
  | { readonly args: Readonly<Record<string, unknown>> }
  | { readonly rawArgs: string }
);

/**
 * One answer of the stub: a streamed message or an HTTP error. `cutAfter` breaks the connection after that
 * many deltas were written, which the client may or may not have read; `holdAfter` falls silent there and
 * leaves the connection open until the test calls `cut` or the client leaves.
 */
export type StubReply =
  | {
      readonly text?: string | readonly string[];
      readonly calls?: readonly StubCall[];
      readonly stop?: "end_turn" | "tool_use" | "max_tokens" | "refusal";
      readonly cutAfter?: number;
      readonly holdAfter?: number;
      /** 10 tokens in and 20 out where it is not given. */
      readonly usage?: StubUsage;
    }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly message?: string };

/** As the Messages API counts: what was read from its cache is not part of `input`. */
export interface StubUsage {
  readonly input: number;
  readonly cached?: number;
  readonly output: number;
}

/** The request body as the Messages API takes it, as far as tests look at it. */
export interface StubRequestBody {
  readonly model: string;
  readonly max_tokens: number;
  readonly system?: unknown;
  readonly messages: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly { readonly name: string; readonly input_schema: unknown }[];
}

export interface StubRequest {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: StubRequestBody;
  /** Resolves when the connection of this request has ended, with whether the answer had been sent whole. */
  readonly closed: Promise<{ readonly isComplete: boolean }>;
  /** Breaks the connection now. */
  cut(): void;
}

/** The answers in order, the last one for ever after; or a function of the request. */
export type StubScript = readonly StubReply[] | ((body: StubRequestBody, index: number) => StubReply);

export interface AnthropicStub {
  /** The `baseURL` for a provider, to be set as ANTHROPIC_BASE_URL. */
  readonly url: string;
  readonly requests: readonly StubRequest[];
  close(): Promise<void>;
}

type SseEvent = { readonly type: string } & Record<string, unknown>;

/** A loopback server that speaks the Messages API's wire format and answers by a script. */
export async function startAnthropicStub(script: StubScript): Promise<AnthropicStub> {
  const requests: StubRequest[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    // Tests send what the provider's own client wrote; a wrong body fails the assertion that reads it.
    const body = JSON.parse(await readText(request)) as StubRequestBody;
    const index = requests.length;
    const { promise: closed, resolve } = Promise.withResolvers<{ readonly isComplete: boolean }>();
    response.on("close", () => resolve({ isComplete: response.writableFinished }));
    requests.push({ url: request.url ?? "", headers: request.headers, body, closed, cut: () => response.destroy() });
    const reply = typeof script === "function" ? script(body, index) : (script[index] ?? script.at(-1));
    if (!reply) throw new Error("The stub's script is empty.");
    if ("status" in reply) sendError(response, reply);
    else sendMessage(response, reply, index);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    close: () => {
      const { promise, resolve: resolveClosed } = Promise.withResolvers<void>();
      server.close(() => resolveClosed());
      server.closeAllConnections();
      return promise;
    },
  };
}

function sendError(
  response: ServerResponse,
  { status, headers, message }: Extract<StubReply, { status: number }>,
): void {
  const types: Record<number, string> = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    529: "overloaded_error",
  };
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(
    JSON.stringify({
      type: "error",
      error: { type: types[status] ?? "api_error", message: message ?? "As scripted." },
    }),
  );
}

function sendMessage(response: ServerResponse, reply: Exclude<StubReply, { status: number }>, index: number): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  const stopAt = reply.cutAfter ?? reply.holdAfter;
  let deltas = 0;
  for (const event of eventsOf(reply, index)) {
    if (deltas === stopAt && event.delta !== undefined) {
      if (reply.cutAfter === undefined) return;
      // What was written must leave before the connection breaks, or the cut comes before the first byte.
      response.write("", () => response.socket?.destroySoon());
      return;
    }
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (event.type === "content_block_delta") deltas += 1;
  }
  response.end();
}

function eventsOf(
  { text = [], calls = [], stop, usage = { input: 10, output: 20 } }: Exclude<StubReply, { status: number }>,
  index: number,
): SseEvent[] {
  const events: SseEvent[] = [
    {
      type: "message_start",
      message: {
        id: `msg_stub_${index}`,
        type: "message",
        role: "assistant",
        model: "claude-stub",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: usage.input, cache_read_input_tokens: usage.cached ?? 0, output_tokens: 1 },
      },
    },
    { type: "ping" },
  ];
  let block = 0;
  const texts = typeof text === "string" ? [text] : text;
  if (texts.length > 0) {
    events.push({ type: "content_block_start", index: block, content_block: { type: "text", text: "" } });
    for (const delta of texts) {
      events.push({ type: "content_block_delta", index: block, delta: { type: "text_delta", text: delta } });
    }
    events.push({ type: "content_block_stop", index: block });
    block += 1;
  }
  calls.forEach((call, place) => {
    const json = "rawArgs" in call ? call.rawArgs : JSON.stringify(call.args);
    const tool = { type: "tool_use", id: `toolu_stub_${index}_${place}`, name: call.name, input: {} };
    events.push({ type: "content_block_start", index: block, content_block: tool });
    for (const piece of ["", json.slice(0, 7), json.slice(7)]) {
      const delta = { type: "input_json_delta", partial_json: piece };
      events.push({ type: "content_block_delta", index: block, delta });
    }
    events.push({ type: "content_block_stop", index: block });
    block += 1;
  });
  const reason = stop ?? (calls.length > 0 ? "tool_use" : "end_turn");
  events.push(
    {
      type: "message_delta",
      delta: { stop_reason: reason, stop_sequence: null },
      usage: { output_tokens: usage.output },
    },
    { type: "message_stop" },
  );
  return events;
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += chunk;
  return text;
}
