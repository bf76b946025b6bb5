import { once } from "node:events";
import { createServer } from "node:net";

/** A port of this machine that is free now. */
export function freePort(): Promise<number> {
  return listenOnce(0, "127.0.0.1");
}

/** Whether a server could listen there now. */
export async function isPortFree(port: number, host: string): Promise<boolean> {
  try {
    await listenOnce(port, host);
    return true;
  } catch {
    return false;
  }
}

/** Takes a port and gives it back; 0 stands for any. Rejects when it cannot be had. */
async function listenOnce(port: number, host: string): Promise<number> {
  const probe = createServer().listen(port, host);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  // Only a server on a pipe has an address that is text, and only one that is closed has none.
  if (address === null || typeof address === "string") throw new Error("The probe listens on no port.");
  return address.port;
}
