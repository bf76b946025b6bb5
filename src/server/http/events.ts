import type { Clock } from "../../runtime/clock.ts";
import type { Api } from "./api.ts";
import { eventStream, resumePoint } from "./event-stream.ts";
import type { Handlers } from "./handler.ts";

export function eventHandlers(api: Api, clock: Clock): Handlers<"readEvents"> {
  return {
    async readEvents({ identity, params, query, header }) {
      const sessionId = params.session_id;
      if (header("accept")?.includes("text/event-stream")) {
        const afterSeq = resumePoint(header("last-event-id"), query.after_seq);
        return { kind: "stream", stream: await eventStream({ api, identity, sessionId, afterSeq, clock }) };
      }
      const slice = await api.readEvents(identity, sessionId, query.after_seq, query.limit);
      // The texts go out as they are stored: the same bytes as on the WebSocket.
      const data = slice.events.map((event) => event.text).join(",");
      const ends = `"first_seq":${slice.firstSeq},"last_seq":${slice.lastSeq}`;
      const missing = slice.archived === undefined ? "" : `,"archived":${JSON.stringify(slice.archived)}`;
      return { kind: "text", status: 200, text: `{"data":[${data}],${ends}${missing}}` };
    },
  };
}
