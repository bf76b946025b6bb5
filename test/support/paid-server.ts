import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LocalWorld, startLocalWorld } from "../../src/payments/local-world.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { ServerParts } from "../../src/server/start.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

/** A server in this process on a real chain, with the local merchant and perhaps more hosts that it may reach. */
export interface PaidServer extends TestServer {
  readonly world: LocalWorld;
}

export async function startPaidServer(
  parts: Omit<ServerParts, "world"> & {
    /** Told of the chain before the server starts; gives hosts that the agent may reach although they are here. */
    readonly onWorld?: (world: LocalWorld) => Promise<readonly string[]>;
  } = {},
): Promise<PaidServer> {
  const { onWorld, ...others } = parts;
  const dataDir = mkdtempSync(join(tmpdir(), "paygent-paid-"));
  const world = await startLocalWorld({ dataDir, clock: systemClock });
  const allowedHosts = (await onWorld?.(world)) ?? [];
  const merchant = new URL(world.merchantOrigin).host;
  const { wallet, catalogue } = world;
  const server = await startTestServer({
    ...others,
    world: { wallet, catalogue, allowedHosts: [merchant, ...allowedHosts], close: () => world.close() },
  });
  return {
    ...server,
    world,
    async remove() {
      await server.remove();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
