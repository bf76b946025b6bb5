import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { closeCodes } from "../protocol/close-codes.ts";
import { type Identity, isExpired } from "./auth.ts";

const terminateAfterMs = 2000;

/** Who is at the other end of a socket, and how the server parts from it. */
export class Peer {
  readonly ws: WebSocket;
  /** What `ws` writes to. */
  readonly socket: Duplex;
  readonly sessionId: string;
  readonly identity: Identity;
  #isDismissed = false;

  constructor({
    ws,
    socket,
    sessionId,
    identity,
  }: {
    ws: WebSocket;
    socket: Duplex;
    sessionId: string;
    identity: Identity;
  }) {
    this.ws = ws;
    this.socket = socket;
    this.sessionId = sessionId;
    this.identity = identity;
  }

  get isOpen(): boolean {
    return this.ws.readyState === this.ws.OPEN;
  }

  /** Whether the server has ended it: what still comes from the peer no longer counts. */
  get isDismissed(): boolean {
    return this.#isDismissed;
  }

  close(code: number, reason: string): void {
    this.#isDismissed = true;
    this.ws.close(code, reason);
  }

  /** Closes a peer that may never answer the close. */
  shut(code: number, reason: string): void {
    if (this.#isDismissed) return;
    this.close(code, reason);
    setTimeout(() => this.ws.terminate(), terminateAfterMs).unref();
  }

  /** Shuts it if its token holds no longer at that time; gives whether it did. */
  shutIfExpired(now: number): boolean {
    if (!isExpired(this.identity, now)) return false;
    this.shut(closeCodes.unauthenticated, "the access token has expired");
    return true;
  }

  revoke(): void {
    this.shut(closeCodes.unauthenticated, "the access token was revoked");
  }
}
