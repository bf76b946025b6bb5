import type { ServerEvent } from "../protocol/events.ts";
import { jsonLine, plainPiece } from "./plain-text.ts";
import { indentOf, renderEvent } from "./render.ts";
import type { Terminal } from "./terminal.ts";

export interface LiveViewOptions {
  readonly isJson: boolean;
  readonly hasTime?: boolean;
}

/** Shows events as they come: lines for people, or one JSON object a line for programs. */
export class LiveView {
  readonly #terminal: Terminal;
  readonly #options: LiveViewOptions;
  readonly #streamed = new Set<string>();
  #openMessage: string | undefined;
  #held: ServerEvent[] | undefined;

  constructor(terminal: Terminal, options: LiveViewOptions) {
    this.#terminal = terminal;
    this.#options = options;
  }

  show(event: ServerEvent): void {
    if (this.#held !== undefined) this.#held.push(event);
    else if (this.#options.isJson) this.#terminal.print(jsonLine(event));
    else if (event.type === "text_delta") this.#stream(event.data.message_id, event.data.delta);
    else this.#print(event);
  }

  /** Keeps events back while a question is on the screen; returns the function that shows them. */
  hold(): () => void {
    this.#endStream();
    this.#held ??= [];
    return () => {
      const events = this.#held ?? [];
      this.#held = undefined;
      for (const event of events) this.show(event);
    };
  }

  #print(event: ServerEvent): void {
    const { colors, columns } = this.#terminal;
    const { hasTime = false } = this.#options;
    const lines = renderEvent(event, { colors, columns, hasTime, streamed: this.#streamed });
    if (lines.length > 0) this.#endStream();
    for (const line of lines) this.#terminal.print(line);
  }

  #stream(messageId: string, delta: string): void {
    const indent = " ".repeat(indentOf({ hasTime: this.#options.hasTime ?? false }));
    if (this.#openMessage !== messageId) {
      this.#endStream();
      this.#terminal.write(indent);
      this.#openMessage = messageId;
      this.#streamed.add(messageId);
    }
    this.#terminal.write(plainPiece(delta).replaceAll("\n", `\n${indent}`));
  }

  #endStream(): void {
    if (this.#openMessage !== undefined) this.#terminal.write("\n");
    this.#openMessage = undefined;
  }
}
