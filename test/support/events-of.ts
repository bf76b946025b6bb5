import type { DurableEvent, DurableEventData, DurableEventType, ServerEvent } from "../../src/protocol/events.ts";
import type { TestClient } from "./test-client.ts";

function isDurable(event: ServerEvent): event is DurableEvent {
  return event.seq !== undefined;
}

/** The durable events of an execution that a client has seen, in order. */
export function eventsOf(client: TestClient, executionId: string): DurableEvent[] {
  return client.events
    .filter(isDurable)
    .filter(({ data }) => "execution_id" in data && data.execution_id === executionId);
}

/** Their types. */
export function typesOf(client: TestClient, executionId: string): string[] {
  return eventsOf(client, executionId).map(({ type }) => type);
}

/** The data of those of one type. */
export function dataOf<Type extends DurableEventType>(
  client: TestClient,
  executionId: string,
  type: Type,
): DurableEventData[Type][] {
  const ofType = eventsOf(client, executionId).filter((event) => event.type === type);
  // An event's data is that of its type.
  return ofType.map(({ data }) => data as DurableEventData[Type]);
}
