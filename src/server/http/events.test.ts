import { describe, expect, test } from "vitest";
import { alice, bob, httpForTests } from "../../../test/support/http-for-tests.ts";

const { api, app, log, newSession } = httpForTests();

describe("an event stream", () => {
  /** Reads a stream until its text has what is looked for. */
  async function follow(path: string, headers: Record<string, string>) {
    const { port } = app.server.address() as { port: number }; // It listens on a port.
    const stop = new AbortController();
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { accept: "text/event-stream", ...headers },
      signal: stop.signal,
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      async until(expected: string): Promise<string> {
        while (!text.includes(expected)) {
          const part = await reader?.read();
          if (part === undefined || part.done) throw new Error(`The stream ended without ${expected}: ${text}`);
          text += part.value;
        }
        return text;
      },
      close: () => stop.abort(),
    };
  }
  const ids = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

  test("replays a long log and goes on live, each event once and in order", async () => {
    const id = await newSession();
    for (let i = 0; i < 900; i++) api.emit(id, '{"type":"budget","seq":SEQ}');
    const stream = await follow(`/api/v1/sessions/${id}/events`, alice);
    for (let i = 0; i < 100; i++) api.emit(id, '{"type":"budget","seq":SEQ}');
    await stream.until('"seq":1000}');
    api.emit(id, '{"type":"text_delta"}', false);
    api.emit(id, '{"type":"last","seq":SEQ}');
    const text = await stream.until('"last"');
    stream.close();

    expect(stream.type).toContain("text/event-stream");
    expect(ids(text)).toEqual(Array.from({ length: 1001 }, (_, i) => i + 1));
    expect(text).toContain('\n\ndata: {"type":"text_delta"}\n\n');
    await expect.poll(() => api.listenerCount).toBe(0);
  });

  test("goes on behind Last-Event-ID", async () => {
    const id = await newSession();
    for (let i = 0; i < 5; i++) api.emit(id, '{"type":"budget","seq":SEQ}');
    const stream = await follow(`/api/v1/sessions/${id}/events?after_seq=1`, { ...alice, "last-event-id": "3" });
    const text = await stream.until('"seq":5}');
    stream.close();

    expect(ids(text)).toEqual([4, 5]);
  });

  test("says resync when the place to go on from is not in the log", async () => {
    const id = await newSession();
    api.emit(id, '{"type":"budget","seq":SEQ}');
    const stream = await follow(`/api/v1/sessions/${id}/events?after_seq=99`, alice);
    const text = await stream.until('"seq":1}');
    stream.close();

    expect(text).toMatch(/data: \{"type":"resync","data":\{"session_id":"[^"]+","first_seq":1,"last_seq":1\}/);
    expect(ids(text)).toEqual([1]);
  });

  test("opens once with a ticket of its session, which no log shows", async () => {
    const id = await newSession();
    const made = await app.inject({
      method: "POST",
      url: "/api/v1/tickets",
      headers: alice,
      payload: { session_id: id },
    });
    const { ticket } = made.json();
    const path = `/api/v1/sessions/${id}/events?token=${ticket}`;

    const first = await follow(path, {});
    const second = await follow(path, {});
    first.close();

    expect([first.status, second.status]).toEqual([200, 401]);
    expect(log()).not.toContain(ticket);
    expect(log()).not.toContain("alice-token");
  });

  test("is 404 for another user and 400 for a Last-Event-ID that is none", async () => {
    const id = await newSession();

    expect((await follow(`/api/v1/sessions/${id}/events`, bob)).status).toBe(404);
    expect((await follow(`/api/v1/sessions/${id}/events`, { ...alice, "last-event-id": "x" })).status).toBe(400);
  });
});
