import { AsyncLocalStorage } from "node:async_hooks";
import type { Hex } from "viem";
import { readTransfer } from "../../src/payments/transfer.ts";
import type { ServerEvent } from "../../src/protocol/events.ts";
import type { PaymentTerms, SignedPayment } from "../../src/protocol/payment.ts";
import type { PaymentIntent } from "../../src/runtime/wallet.ts";
import type { Store } from "../../src/store/database.ts";
import { readEvents, type StoredEvent } from "../../src/store/event-log.ts";
import { statement } from "../../src/store/statement.ts";
import { EventOrder } from "../support/event-order.ts";
import { Books, type Ended } from "./books.ts";
import type { Authorized, ModelChain, Transfer } from "./model-chain.ts";
import { actingNow } from "./virtual-time.ts";

/** What the wallet signs for at the moment. */
export const isSigning = new AsyncLocalStorage<{ terms: PaymentTerms; intent: PaymentIntent }>();

type Signable = Authorized & { kind: "transfer" };

interface Signed {
  readonly intent: PaymentIntent;
  readonly what: Signable;
  transfers: number;
}

interface WatchParts {
  readonly store: Store;
  readonly chain: () => ModelChain;
  now(): number;
  note(line: string): void;
  nameOf(id: string): string;
  /** Is told of every event, in order, when it has been committed. */
  onEvent(event: ServerEvent): void;
}

const byCall = <Row>(build: Parameters<typeof statement<{ executionId: string; toolId: string }, Row>>[0]) =>
  statement<{ executionId: string; toolId: string }, Row>(build);

const selectApprovals = byCall<{ status: string; terms: string | null; expires_at: string }>((db, param) =>
  db
    .selectFrom("approvals")
    .select(["status", "terms", "expires_at"])
    .where("execution_id", "=", param("executionId"))
    .where("tool_id", "=", param("toolId"))
    .orderBy("created_at")
    .orderBy("id"),
);
const selectPayment = byCall<{ signed: string | null; state: string; terms: string }>((db, param) =>
  db
    .selectFrom("payments")
    .select(["signed", "state", "terms"])
    .where("execution_id", "=", param("executionId"))
    .where("tool_id", "=", param("toolId")),
);
const selectSpend = byCall<{ status: string; micros: number | bigint | string; rule_id: string | null }>((db, param) =>
  db
    .selectFrom("spends")
    .select(["status", "micros", "rule_id"])
    .where("execution_id", "=", param("executionId"))
    .where("tool_id", "=", param("toolId")),
);
const selectExecution = statement<{ id: string }, { owner: string | null; status: string; session_id: string }>(
  (db, param) => db.selectFrom("executions").select(["owner", "status", "session_id"]).where("id", "=", param("id")),
);
const selectRunning = statement<{ sessionId: string }, { id: string; owner: string | null }>((db, param) =>
  db
    .selectFrom("executions")
    .select(["id", "owner"])
    .where("session_id", "=", param("sessionId"))
    .where("status", "=", "running"),
);

/** The largest payment that nobody is asked about, in millionths of a USD. */
const thresholdMicros = 1_000_000n;

/** Sees everything that happens in a simulation and says what is not as promised. */
export class Watch {
  readonly violations: string[] = [];
  readonly #parts: WatchParts;
  readonly #books: Books;
  readonly #orders = new Map<string, EventOrder>();
  readonly #lastSeqs = new Map<string, number>();
  readonly #hashes = new Set<string>();
  /** Which executions have ended, and which actor has written that down. */
  readonly #ended = new Map<string, unknown>();
  readonly #decided = new Set<string>();
  readonly #signed = new Map<Hex, Signed>();
  readonly #nonces = new Map<string, Hex>();
  readonly #cancelled = new Set<string>();
  readonly #frozen = new Set<string>();
  readonly #runs = new Map<string, number>();
  /** When, in virtual time, the log last grew. */
  lastNewsAt = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#books = new Books(parts.store, (violation) => this.fail(violation));
  }

  fail(violation: string): void {
    this.#parts.note(`VIOLATED ${violation}`);
    this.violations.push(violation);
  }

  addSession(id: string): void {
    this.#orders.set(id, new EventOrder({ knowsBeginning: true }));
    this.#lastSeqs.set(id, 0);
  }

  hasEnded(executionId: string): boolean {
    return this.#ended.has(executionId);
  }

  /** After every commit, before anybody hears of it. */
  async committed(): Promise<void> {
    let isNew = false;
    for (const [sessionId, last] of this.#lastSeqs) {
      const events = await readEvents(this.#parts.store.db, sessionId, last, 500);
      for (const event of events) this.#see(event);
      isNew ||= events.length > 0;
      this.#lastSeqs.set(sessionId, events.at(-1)?.seq ?? last);
    }
    if (!isNew) return;
    for (const ended of await this.#books.check()) await this.#reservationEnded(ended);
  }

  #see(stored: StoredEvent): void {
    this.#hashes.add(stored.hash);
    this.lastNewsAt = this.#parts.now();
    // The log holds what the server would send.
    const event = JSON.parse(stored.text) as ServerEvent;
    this.#parts.note(`  ${describe(event, this.#parts.nameOf)}`);
    try {
      this.#orders.get(stored.sessionId)?.check(event);
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
    const isEnd =
      event.type === "complete" ||
      event.type === "cancelled" ||
      (event.type === "error" && "fatal" in event.data && event.data.fatal);
    if (isEnd && stored.executionId !== undefined) this.#ended.set(stored.executionId, actingNow());
    if (event.type === "complete" && this.#cancelled.has(event.data.execution_id))
      this.fail(`${this.#parts.nameOf(event.data.execution_id)} was completed after its cancellation was answered.`);
    if (decisions.has(event.type) && "request_id" in event.data) this.#decide(String(event.data.request_id));
    this.#parts.onEvent(event);
  }

  #decide(requestId: string): void {
    if (this.#decided.has(requestId)) this.fail(`Approval ${this.#parts.nameOf(requestId)} was decided twice.`);
    this.#decided.add(requestId);
  }

  /** What watchers are told must be in the log by then. */
  published(events: readonly StoredEvent[]): void {
    for (const { hash, type } of events)
      if (!this.#hashes.has(hash)) this.fail(`${type} was told before it was stored.`);
  }

  /** The key is used on a payment. */
  async signs(node: { readonly id: string; now(): number }, what: Signable): Promise<void> {
    const signing = isSigning.getStore();
    if (signing === undefined) return this.fail("Something was signed for no payment.");
    const { intent, terms } = signing;
    const { executionId, toolId } = intent;
    const { note, nameOf } = this.#parts;
    note(`the wallet signs ${what.value} to ${what.to} for ${nameOf(toolId)}`);
    const key = `${executionId}/${toolId}`;
    const nonce = this.#nonces.get(key) ?? what.nonce;
    this.#nonces.set(key, nonce);
    if (nonce !== what.nonce) this.fail(`${nameOf(toolId)} was signed with two nonces.`);
    if (!this.#signed.has(what.nonce)) this.#signed.set(what.nonce, { intent, what, transfers: 0 });
    if (this.#ended.has(executionId) && this.#ended.get(executionId) === node)
      this.fail(`${nameOf(toolId)} was signed after ${nameOf(executionId)} had ended.`);
    if (what.to !== terms.payTo || String(what.value) !== terms.amount)
      this.fail(`${nameOf(toolId)} was signed on other terms.`);

    const [execution] = await selectExecution(this.#parts.store.db, { id: executionId });
    // A node that has lost its lease may not know it yet: what it signs is never stored, and so never sent.
    if (execution?.status !== "running" || execution.owner !== node.id) return;
    await this.#mayBeSigned(node, what, intent, terms);
  }

  async #mayBeSigned(
    node: { now(): number },
    what: Signable,
    intent: PaymentIntent,
    terms: PaymentTerms,
  ): Promise<void> {
    const { store, nameOf } = this.#parts;
    const name = nameOf(intent.toolId);
    const [spend] = await selectSpend(store.db, intent);
    if (spend?.status !== "reserved" || String(spend.micros) !== terms.usdMicros)
      this.fail(`${name} was signed with ${spend?.micros} ${spend?.status} for ${terms.usdMicros}.`);
    const asked = await selectApprovals(store.db, intent);
    const grant = asked.at(-1);
    if (grant === undefined) {
      if (BigInt(terms.usdMicros) > thresholdMicros && spend?.rule_id === null)
        this.fail(`${name} was signed without having been asked about.`);
      return;
    }
    if (grant.status !== "approved" && grant.status !== "edited")
      return this.fail(`${name} was signed although its approval is ${grant.status}.`);
    const approved: PaymentTerms | undefined = grant.terms === null ? undefined : JSON.parse(grant.terms);
    if (approved !== undefined && (approved.payTo !== what.to || approved.amount !== String(what.value)))
      this.fail(
        `${name} was signed for ${what.value} to ${what.to}, and ${approved.amount} to ${approved.payTo} were approved.`,
      );
    const until = Date.parse(grant.expires_at);
    if (node.now() >= until) this.fail(`${name} was signed after its approval had expired.`);
    if (Number(what.validBefore) * 1000 > until) this.fail(`${name} can be taken after its approval has expired.`);
  }

  /** Signed bytes leave a node, for a service or for the chain. */
  async sends(nonce: Hex, signature: Hex): Promise<void> {
    const node = actingNow();
    const signed = this.#signed.get(nonce);
    if (signed === undefined) return this.fail("Something was sent that the wallet has not signed.");
    const { executionId, toolId } = signed.intent;
    const { store, nameOf, note, chain } = this.#parts;
    const name = nameOf(toolId);
    note(`the payment of ${name} is sent`);
    const [row] = await selectPayment(store.db, signed.intent);
    if (row === undefined || row.signed === null || signatureIn(row.signed, row.terms) !== signature)
      this.fail(`The payment of ${name} was sent before it was stored.`);
    const isOpen = chain().stateOf(nonce) === undefined && chain().seconds < Number(signed.what.validBefore);
    if (!isOpen) return;
    const [execution] = await selectExecution(store.db, { id: executionId });
    if (await this.#isFrozen(execution?.session_id ?? "")) this.fail(`The payment of ${name} was sent under a freeze.`);
    if (!this.#ended.has(executionId) || this.#ended.get(executionId) !== node) return;
    // A later call for the same thing may show the service what was paid for it before.
    const running = await selectRunning(store.db, { sessionId: execution?.session_id ?? "" });
    if (running.length === 0) this.fail(`The payment of ${name} was sent after ${nameOf(executionId)} had ended.`);
  }

  /** A user was told that an execution is cancelled. */
  cancelled(executionId: string): void {
    this.#cancelled.add(executionId);
  }

  freeze(target: string): void {
    this.#frozen.add(target);
  }

  unfreeze(target: string): void {
    this.#frozen.delete(target);
  }

  async #isFrozen(sessionId: string): Promise<boolean> {
    return this.#frozen.has("all") || this.#frozen.has("user") || this.#frozen.has(sessionId);
  }

  transferred({ nonce, value }: Transfer): void {
    const signed = this.#signed.get(nonce);
    if (signed === undefined) return this.fail("Money moved that the wallet has not signed.");
    const name = this.#parts.nameOf(signed.intent.toolId);
    this.#parts.note(`the chain moves ${value} for ${name}`);
    signed.transfers += 1;
    if (signed.transfers > 1 || value !== signed.what.value)
      this.fail(`${name} was paid ${signed.transfers} times, ${value}.`);
  }

  /** A tool that changes something runs. */
  async runs(executionId: string, toolId: string): Promise<void> {
    const name = this.#parts.nameOf(toolId);
    this.#parts.note(`${name} runs`);
    if (this.#ended.has(executionId) && this.#ended.get(executionId) === actingNow())
      this.fail(`${name} ran after its execution had ended.`);
    const runs = (this.#runs.get(toolId) ?? 0) + 1;
    this.#runs.set(toolId, runs);
    const approvals = await selectApprovals(this.#parts.store.db, { executionId, toolId });
    const granted = approvals.filter(({ status }) => status === "approved" || status === "edited").length;
    if (runs > 1 + granted) this.fail(`${name} ran ${runs} times, and ${granted} times somebody let it.`);
  }

  /** What was set aside comes back only when it can no longer move, and counts as spent only when it has. */
  async #reservationEnded({ executionId, toolId, status }: Ended): Promise<void> {
    const { store, chain, nameOf } = this.#parts;
    const [row] = await selectPayment(store.db, { executionId, toolId });
    const signed: SignedPayment | undefined = row?.signed == null ? undefined : JSON.parse(row.signed);
    const name = nameOf(toolId);
    if (signed === undefined) {
      if (status === "settled") this.fail(`${name} counts as spent without having been signed.`);
      return;
    }
    // The column holds what the wallet gave.
    const state = chain().stateOf(signed.nonce as Hex);
    if (status === "settled" && state !== "used") this.fail(`${name} counts as spent, and the chain has not moved it.`);
    if (
      status === "released" &&
      state !== "cancelled" &&
      !(state === undefined && chain().finalSeconds >= signed.validBefore)
    )
      this.fail(
        `${name} was given back while its payment ${state === "used" ? "had been taken" : "could still be taken"}.`,
      );
  }
}

const decisions: ReadonlySet<string> = new Set(["approved", "rejected", "edit_approved", "approval_expired"]);

function signatureIn(stored: string, terms: string): Hex {
  const { header }: SignedPayment = JSON.parse(stored);
  const { kind }: PaymentTerms = JSON.parse(terms);
  if (kind === "transfer") return readTransfer(header).signature;
  return JSON.parse(Buffer.from(header, "base64").toString("utf8")).payload.signature;
}

function describe(event: ServerEvent, nameOf: (id: string) => string): string {
  const { data } = event;
  const names = ["execution_id", "tool_id", "request_id"].flatMap((key) =>
    key in data ? [nameOf(String((data as Record<string, unknown>)[key]))] : [],
  );
  const error = "error" in data ? ` (${data.error?.code}: ${data.error?.message})` : "";
  const failure = event.type === "error" ? ` (${event.data.code}: ${event.data.message})` : "";
  const money = event.type === "budget" ? ` spent ${event.data.spent}, reserved ${event.data.reserved}` : "";
  const call = event.type === "tool_call" ? ` ${event.data.tool_name} ${JSON.stringify(event.data.tool_args)}` : "";
  return `${event.seq} ${event.type} ${names.join(" ")}${call}${money}${error}${failure}`;
}
