import type { LiveEventData, LiveEventType } from "../protocol/events.ts";
import type { Clock } from "../runtime/clock.ts";
import { isoTime } from "../runtime/clock.ts";

/** The text of a live-only event. */
export function liveText<Type extends LiveEventType>(
  clock: Clock,
  type: Type,
  data: LiveEventData[Type],
  ref?: string,
): string {
  const timestamp = isoTime(clock.now());
  return JSON.stringify({ type, data, timestamp, ...(ref === undefined ? {} : { ref }) });
}

const textFrame = 0x81;

/**
 * A whole WebSocket text frame (RFC 6455, section 5.2), unmasked as a server's must be. Framing once for
 * all watchers of a session, rather than once for each, doubles what a core can fan out.
 */
export function webSocketFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = textFrame;
  if (headerLength === 2) {
    frame[1] = length;
  } else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, headerLength);
  return frame;
}

const chunkBytes = 64 * 1024;

/** The events' frames in buffers that are written at once, none much larger than it needs to be. */
export function* framesInChunks(events: readonly { readonly text: string }[]): Generator<Buffer> {
  let frames: Buffer[] = [];
  let size = 0;
  for (const { text } of events) {
    const frame = webSocketFrame(text);
    frames.push(frame);
    size += frame.length;
    if (size < chunkBytes) continue;
    yield Buffer.concat(frames, size);
    frames = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(frames, size);
}
