import * as z from "zod";
import { durableEvents, liveEvents } from "../protocol/events.ts";
import { ClientMessage } from "../protocol/messages.ts";
import { webSocketPath } from "../protocol/websocket.ts";
import { type JsonSchema, SchemaCollection } from "./json-schemas.ts";

const channelName = "session";

/** The AsyncAPI 3 document of the WebSocket, made from the schemas of the messages and events themselves. */
export function asyncApiDocument(): JsonSchema {
  const schemas = new SchemaCollection();
  const received = clientMessages(schemas);
  const sent = { ...durableMessages(schemas), ...liveMessages(schemas) };
  const messages = { ...received, ...sent };
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Paygent session WebSocket",
      version: "1",
      description:
        "One session, live: commands and decisions in, events out. Events with a seq are durable and come in order without gaps; reconnect with last_seq to go on.",
      license: { name: "Apache-2.0", url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    defaultContentType: "application/json",
    channels: {
      [channelName]: {
        address: webSocketPath,
        title: "A session",
        messages: refs(Object.keys(messages), (name) => `#/components/messages/${name}`),
        bindings: { ws: { method: "GET", query: querySchema } },
      },
    },
    operations: {
      receiveMessages: operation("receive", "What a client may send", Object.keys(received)),
      sendEvents: operation("send", "What a client gets", Object.keys(sent)),
    },
    components: { messages, schemas: schemas.components },
  };
}

const querySchema = {
  type: "object",
  required: ["session_id"],
  properties: {
    session_id: { type: "string", format: "uuid" },
    last_seq: { type: "integer", minimum: 0, description: "The seq of the last event received." },
    token: { type: "string", description: "A single-use ticket, where no header can be sent." },
  },
};

function clientMessages(schemas: SchemaCollection): Record<string, JsonSchema> {
  const entries = ClientMessage.options.map((option): [string, JsonSchema] => {
    const type = option.shape.type.value;
    return [type, { name: type, summary: `Client message ${type}`, payload: schemas.input(option) }];
  });
  return Object.fromEntries(entries);
}

function durableMessages(schemas: SchemaCollection): Record<string, JsonSchema> {
  const entries = Object.entries(durableEvents).map(([type, data]): [string, JsonSchema] => {
    const payload = z.object({ ...envelope(type, data), seq: z.int().min(1) });
    return [type, { name: type, summary: `Durable event ${type}`, payload: schemas.output(payload) }];
  });
  return Object.fromEntries(entries);
}

/** Two types are both durable and live only, so the live ones have names of their own. */
function liveMessages(schemas: SchemaCollection): Record<string, JsonSchema> {
  const entries = Object.entries(liveEvents).map(([type, data]): [string, JsonSchema] => {
    const payload = z.object(envelope(type, data));
    return [`live_${type}`, { name: type, summary: `Live event ${type}`, payload: schemas.output(payload) }];
  });
  return Object.fromEntries(entries);
}

function envelope(type: string, data: z.ZodType) {
  return { type: z.literal(type), data, timestamp: z.iso.datetime(), ref: z.string().optional() };
}

function operation(action: "send" | "receive", summary: string, names: readonly string[]): JsonSchema {
  const channel = `#/channels/${channelName}`;
  return {
    action,
    summary,
    channel: { $ref: channel },
    messages: names.map((name) => ({ $ref: `${channel}/messages/${name}` })),
  };
}

function refs(names: readonly string[], target: (name: string) => string): JsonSchema {
  return Object.fromEntries(names.map((name) => [name, { $ref: target(name) }]));
}
