/** Carries short texts between the nodes of one deployment. It may lose them, and says so when it can. */
export interface Transport {
  /** How long a text may be, in bytes. */
  readonly maxBytes: number;
  /** Hands a text to every other node that listens now; rejects when it cannot. */
  send(text: string): Promise<void>;
  /**
   * Connects, and stays connected as well as it can. `onText` is called with what any node sends, this one
   * included; `onGap` whenever something may have been missed.
   */
  open(listener: { onText(text: string): void; onGap(): void }): Promise<void>;
  isConnected(): boolean;
  close(): Promise<void>;
}
