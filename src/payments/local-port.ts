import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const lowest = 20_000;
const highest = 30_000;
const attempts = 100;

/**
 * A free port on loopback, below those that systems give to outgoing connections: it is still free when what
 * listened there was killed and another process goes on in its place.
 */
export async function findLocalPort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = randomInt(lowest, highest);
    if (await isFree(port)) return port;
  }
  throw new Error(`No port from ${lowest} to ${highest} of this machine is free. Stop what listens there.`);
}

export function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
