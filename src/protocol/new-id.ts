let lastMs = 0;
let counter = 0;

/**
 * A new UUID, version 7 (RFC 9562): the time in milliseconds, a counter, and then random bits, so that what is
 * made together lies together in the store's indexes and what one process makes sorts in the order in which it
 * was made. Not `crypto.randomUUID`, which browsers withhold from pages on plain HTTP.
 */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    // Begins in the lower half, so that a millisecond has room for two thousand ids; then the time is run ahead of.
    counter = view.getUint16(6) & 0x7ff;
  } else if (++counter > 0xfff) {
    lastMs++;
    counter = 0;
  }
  view.setUint32(0, Math.floor(lastMs / 2 ** 16));
  view.setUint16(4, lastMs % 2 ** 16);
  view.setUint16(6, 0x7000 | counter);
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
