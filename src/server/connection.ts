import { closeCodes } from "../protocol/close-codes.ts";
import { findSession } from "../store/sessions.ts";
import { connectedData } from "./connected.ts";
import { Inbound, type InboundParts } from "./inbound.ts";
import { Outbound } from "./outbound.ts";
import type { Peer } from "./peer.ts";
import type { Watchers } from "./watchers.ts";

const heartbeatMs = 25_000;
const silenceMs = 60_000;

/** What every connection of a server shares. */
export interface ConnectionParts extends InboundParts {
  readonly watchers: Watchers;
}

/** One socket on one session: events out, commands in. Closing it stops nothing. */
export class Connection {
  readonly peer: Peer;
  readonly #parts: ConnectionParts;
  readonly #outbound: Outbound;
  readonly #inbound: Inbound;
  #lastPingAt: number;

  constructor(parts: ConnectionParts, peer: Peer) {
    this.peer = peer;
    this.#parts = parts;
    this.#outbound = new Outbound(parts.runtime, peer);
    this.#inbound = new Inbound(parts, peer, this.#outbound);
    this.#lastPingAt = this.#inbound.lastHeardAt;
    // What ws finds wrong with a peer it answers with the fitting close code by itself.
    peer.ws.on("error", () => undefined);
    peer.ws.on("close", () => parts.watchers.remove(peer.sessionId, this.#outbound));
  }

  /** Sends `connected`, then what was missed after `lastSeq`, then everything as it happens. */
  async open(lastSeq: number | undefined): Promise<void> {
    const greeted = this.#greet(lastSeq);
    this.#inbound.startAfter(greeted);
    await greeted;
    await this.#outbound.replay();
  }

  async #greet(lastSeq: number | undefined): Promise<void> {
    const { runtime, watchers } = this.#parts;
    const { sessionId, identity } = this.peer;
    const session = await findSession(runtime.store.db, sessionId);
    if (session === undefined) return this.peer.close(closeCodes.notFound, "no such session for this user");
    // It may have been terminated while this socket was let in, before it was among those that are then closed.
    if (session.status === "terminated") return this.peer.close(closeCodes.terminated, "the session was terminated");
    if (!this.peer.isOpen) return;
    // Subscribed before the log's end is passed on, so that nothing can fall between replay and live.
    watchers.add(sessionId, this.#outbound, session.lastSeq);
    this.#outbound.say("connected", await connectedData(runtime, session, identity.userId, heartbeatMs));
    this.#outbound.startAfter(lastSeq, session);
  }

  /** Called every second or so: pings, and ends what is silent or no longer allowed to be here. */
  tick(now: number): void {
    if (this.peer.shutIfExpired(now) || this.#outbound.shutIfStalled(now)) return;
    if (now - this.#inbound.lastHeardAt >= silenceMs) {
      this.peer.ws.terminate();
    } else if (now - this.#lastPingAt >= heartbeatMs) {
      this.#lastPingAt = now;
      this.peer.ws.ping();
    }
  }
}
