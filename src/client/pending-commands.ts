import { type ErrorCode, PaygentError } from "../protocol/errors.ts";
import type { Decision, ServerEvent } from "../protocol/events.ts";
import type { ClientMessage } from "../protocol/messages.ts";
import { newId } from "../protocol/new-id.ts";
import { maxMessageBytes } from "../protocol/websocket.ts";

/** Sends a frame; `false` when there is no open socket to send it over. */
type SendText = (text: string) => boolean;

interface PendingCommand {
  readonly message: ClientMessage;
  readonly text: string;
  readonly resolve: (event: ServerEvent) => void;
  readonly reject: (error: PaygentError) => void;
  sends: number;
}

const decisions: Partial<Record<ClientMessage["type"], Decision>> = {
  approve: "approved",
  reject: "rejected",
  edit: "edited",
};

/**
 * The commands that were not answered yet. They are sent again, unchanged and under the same ids, after a
 * reconnect; what the server already did then is recognised as success.
 */
export class PendingCommands {
  readonly #pending = new Map<string, PendingCommand>();
  /** Commands that were sent twice and are answered: the second answer is nobody's news. */
  readonly #answeredTwice = new Set<string>();

  add(message: ClientMessage, send: SendText): Promise<ServerEvent> {
    const id = newId();
    const text = JSON.stringify({ ...message, id });
    if (new TextEncoder().encode(text).length > maxMessageBytes) {
      return Promise.reject(
        new PaygentError("message_too_large", `The ${message.type} message is over 64 KiB; send less in one message.`),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<ServerEvent>();
    const command: PendingCommand = { message, text, resolve, reject, sends: 0 };
    this.#pending.set(id, command);
    this.#send(command, send);
    return promise;
  }

  /** Sends everything unanswered, in the order in which it was given. */
  sendAll(send: SendText): void {
    for (const command of this.#pending.values()) this.#send(command, send);
  }

  #send(command: PendingCommand, send: SendText): void {
    if (send(command.text)) command.sends += 1;
  }

  /** Settles what an event answers. `false` when the event answers a repeated command once more. */
  settle(event: ServerEvent, userId: string | undefined): boolean {
    if (event.type === "cancelled") this.#settleCancels(event);
    const { ref } = event;
    if (ref === undefined) return true;
    const command = this.#pending.get(ref);
    if (command === undefined) return !(event.seq === undefined && this.#answeredTwice.has(ref));

    const isRefusal = event.type === "error" && event.seq === undefined;
    if (isRefusal && !isAlreadyDone(command, event.data, userId)) {
      this.#forget(ref, command);
      const details = event.data.correlation_id === undefined ? {} : { correlation_id: event.data.correlation_id };
      command.reject(
        new PaygentError(event.data.code, event.data.message, { details: { ...event.data.details, ...details } }),
      );
    } else {
      this.#forget(ref, command);
      command.resolve(event);
    }
    return true;
  }

  rejectAll(error: PaygentError): void {
    for (const command of this.#pending.values()) command.reject(error);
    this.#pending.clear();
  }

  #settleCancels(event: Extract<ServerEvent, { type: "cancelled" }>): void {
    for (const [id, command] of this.#pending) {
      const { message } = command;
      if (message.type !== "cancel" || message.data.execution_id !== event.data.execution_id) continue;
      this.#forget(id, command);
      command.resolve(event);
    }
  }

  #forget(id: string, command: PendingCommand): void {
    this.#pending.delete(id);
    if (command.sends > 1) this.#answeredTwice.add(id);
  }
}

/** Whether a refusal says only that this very decision was taken before, by this user. */
function isAlreadyDone(
  { message, sends }: PendingCommand,
  error: { readonly code: ErrorCode; readonly details?: Readonly<Record<string, unknown>> | undefined },
  userId: string | undefined,
): boolean {
  if (error.code !== "already_decided" || userId === undefined) return false;
  // Two edits may differ in their arguments, so an edit counts only when it is this one come back.
  if (message.type === "edit" && sends < 2) return false;
  return error.details?.decision === decisions[message.type] && error.details?.decided_by === userId;
}
