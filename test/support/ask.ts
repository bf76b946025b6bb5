import { randomUUID } from "node:crypto";
import type { ClientMessage } from "../../src/protocol/messages.ts";
import type { TestClient } from "./test-client.ts";

/** Sends a message and gives the event that answers it. */
export function ask(client: TestClient, type: ClientMessage["type"], data: object) {
  const id = randomUUID();
  client.send({ type, data, id });
  return client.answerTo(id);
}

/** Waits until the server has dealt with all that this client has sent. */
export async function settled(client: TestClient): Promise<void> {
  await ask(client, "ping", {});
}
