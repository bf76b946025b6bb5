export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly data: string;
}

/** Reads a stream of server-sent events, as a browser's EventSource would, until `isLast` or its end. */
export async function readServerSentEvents(
  url: string,
  headers: Record<string, string>,
  isLast: (event: ServerSentEvent) => boolean,
): Promise<ServerSentEvent[]> {
  const abort = new AbortController();
  const response = await fetch(url, { headers: { accept: "text/event-stream", ...headers }, signal: abort.signal });
  if (response.body === null || response.status !== 200) throw new Error(`The stream was refused: ${response.status}.`);
  const events: ServerSentEvent[] = [];
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event === undefined) continue;
      events.push(event);
      if (isLast(event)) {
        abort.abort();
        return events;
      }
    }
  }
  return events;
}

/** `undefined` for a comment. */
function parseBlock(block: string): ServerSentEvent | undefined {
  const field = (name: string) =>
    block
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const data = field("data");
  return data === undefined ? undefined : { id: field("id"), data };
}
