import { once } from "node:events";
import { createServer, connect as dial, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A TCP proxy before one node, which loses, delays and cuts what goes through it. */
export class FaultyProxy {
  readonly port: number;
  /** Where connections lead; a node that was restarted listens elsewhere. */
  target: number | undefined;
  /** Every chunk is held up by this long. */
  delayMs = 0;
  /** Nothing comes through, and nobody is told. */
  isBlackhole = false;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #close: () => void;

  private constructor(port: number, close: () => void) {
    this.port = port;
    this.#close = close;
  }

  static async open(): Promise<FaultyProxy> {
    const server = createServer((socket) => proxy.#accept(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const proxy: FaultyProxy = new FaultyProxy(Object(server.address()).port, () => server.close());
    return proxy;
  }

  #accept(client: Socket): void {
    client.on("error", () => undefined);
    if (this.target === undefined) return void client.destroy();
    const node = dial(this.target, "127.0.0.1");
    node.on("error", () => undefined);
    const pair = [client, node] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      node.destroy();
    };
    client.once("close", end);
    // What the node said last is still on its way to the client.
    node.once("close", () => client.end());
    this.#carry(client, node);
    this.#carry(node, client);
  }

  #carry(from: Socket, to: Socket): void {
    let carried = Promise.resolve();
    from.on("data", (chunk) => {
      if (this.isBlackhole) return;
      const { delayMs } = this;
      carried = carried.then(async () => {
        if (delayMs > 0) await delay(delayMs);
        if (!to.destroyed) to.write(chunk);
      });
    });
  }

  /** Resets all connections. */
  cut(): void {
    for (const [client, node] of this.#pairs) {
      client.resetAndDestroy();
      node.destroy();
    }
  }

  close(): void {
    this.#close();
    this.cut();
  }
}
