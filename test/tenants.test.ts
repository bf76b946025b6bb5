import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { ask } from "./support/ask.ts";
import { anonymous, answerOf, type Belongings, targeted, unknown } from "./support/belongings.ts";
import { testDatabase } from "./support/database.ts";
import { fakeWorld } from "./support/fake-world.ts";
import { callingModel } from "./support/scripted-model.ts";
import { seededRandom } from "./support/seeded-random.ts";
import type { TestClient } from "./support/test-client.ts";
import { execute, startTestServer, type TestServer } from "./support/test-server.ts";
import { isShared } from "./support/two-nodes.ts";

/** What the intruder does altogether. */
const operations = Number(process.env.TENANT_OPERATIONS ?? 1500);
const steps = 40;
const atOnce = 8;

const commands = [
  'pay_service {"service":"market-data"}',
  'pay_service {"service":"premium-report"}',
  'pay_service {"service":"news"} && list_services {}',
  "list_services {}",
  'pay_service {"service":"gold-bar"}',
];
const views = ["/sessions", "/approvals", "/payments", "/payments/totals?by=payee", "/freeze", "/identity", "/tools"];
/** More than all of a user's: no page ends elsewhere for what others do. */
const whole = "limit=200";

/** What an owner sees, without what two runs never have in common: times, ids and hashes, told apart by when they first came. */
class View {
  readonly #names = new Map<string, string>();
  readonly lines: string[] = [];

  add(text: string): void {
    this.lines.push(
      text
        .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
        .replaceAll(/\d{4}-\d\d-\d\d/g, "<day>")
        .replaceAll(/"duration_ms":\d+/g, '"duration_ms":0')
        .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(0x)?[0-9a-f]{64}/g, (id) => {
          const name = this.#names.get(id) ?? `<${this.#names.size}>`;
          this.#names.set(id, name);
          return name;
        }),
    );
  }
}

/** A user at work: the same steps for the same seed, each seen to its end before the next. */
class Owner {
  readonly view = new View();
  readonly ids: Record<keyof Belongings, string[]> = {
    session_id: [],
    execution_id: [],
    request_id: [],
    rule_id: [],
    payment_id: [],
  };
  readonly #server: TestServer;
  readonly #random: (limit: number) => number;
  readonly #clients: TestClient[] = [];
  readonly #pending: { client: TestClient; requestId: string; executionId: string }[] = [];

  constructor(server: TestServer, seed: number) {
    this.#server = server;
    this.#random = seededRandom(seed);
  }

  async step(): Promise<void> {
    const kind = this.#random(8);
    if (this.#clients.length === 0 || kind === 0) await this.#open();
    else if (kind <= 3) await this.#command();
    else if (kind <= 5) await this.#decide();
    else if (kind === 6) await this.#configure();
    await this.#look();
  }

  /** All that the owner's sockets were told, one after the other. */
  async end(): Promise<readonly string[]> {
    for (const client of this.#clients) {
      await ask(client, "ping", {});
      for (const frame of client.frames) this.view.add(frame);
    }
    return this.view.lines;
  }

  async #open(): Promise<void> {
    const { id } = await this.#server.createSession({ daily_budget_usd: "200" });
    this.ids.session_id.push(id);
    this.#clients.push(await this.#server.connect(id));
  }

  async #command(): Promise<void> {
    const client = this.#anyOf(this.#clients);
    const executionId = execute(client, this.#anyOf(commands));
    this.ids.execution_id.push(executionId);
    const settled = await client.find(
      ({ type, data }) =>
        "execution_id" in data &&
        data.execution_id === executionId &&
        (type === "approval_required" || type === "complete" || (type === "error" && "fatal" in data)),
    );
    if (settled.type !== "approval_required") return;
    const { request_id: requestId } = settled.data;
    this.ids.request_id.push(requestId);
    this.#pending.push({ client, requestId, executionId });
  }

  async #decide(): Promise<void> {
    const [pending] = this.#pending.splice(0, 1);
    if (pending === undefined) return;
    const { client, requestId, executionId } = pending;
    const data = { request_id: requestId };
    const kind = this.#random(5);
    if (kind === 0) await ask(client, "cancel", { execution_id: executionId });
    else if (kind === 1) await ask(client, "reject", { ...data, reason: "too dear" });
    else if (kind === 2) await ask(client, "edit", { ...data, edited_args: { service: "market-data" } });
    else if (kind === 3)
      await ask(client, "approve", { ...data, remember: { tool_name: "pay_service", max_amount: "3" } });
    else await ask(client, "approve", data);
    await client.end(executionId);
  }

  async #configure(): Promise<void> {
    const id = this.#anyOf(this.ids.session_id);
    const config = { budget_usd: String(50 + this.#random(50)) };
    this.view.add(JSON.stringify(await this.#server.http("PATCH", `/sessions/${id}`, { body: { config } })));
  }

  async #look(): Promise<void> {
    const id = this.#anyOf(this.ids.session_id);
    const paths = [
      ...views.map((path) => (["/sessions", "/approvals", "/payments"].includes(path) ? `${path}?${whole}` : path)),
      `/sessions/${id}`,
      `/sessions/${id}/executions?${whole}`,
      `/sessions/${id}/spend-rules`,
      `/logs?session_id=${id}&${whole}`,
    ];
    for (const path of paths) {
      const { status, body } = await this.#server.http("GET", path);
      expect(status, path).toBe(200);
      this.view.add(`${path} ${JSON.stringify(body)}`);
      if (path.startsWith("/payments?")) this.ids.payment_id = body.data.map((row: Belongings) => row.payment_id);
      if (path.endsWith("/spend-rules")) this.ids.rule_id.push(...body.data.map((row: { id: string }) => row.id));
    }
  }

  #anyOf<T>(some: readonly T[]): T {
    const one = some[this.#random(some.length)];
    if (one === undefined) throw new Error("There is nothing to choose from.");
    return one;
  }
}

/** Another user, who is busy and reaches for all that is the owner's. Everything is answered as if it were not there. */
class Intruder {
  readonly #server: TestServer;
  readonly #owner: Owner;
  readonly #random: (limit: number) => number;
  readonly #client: TestClient;
  readonly #sessionId: string;

  private constructor(server: TestServer, owner: Owner, seed: number, own: { id: string; client: TestClient }) {
    this.#server = server;
    this.#owner = owner;
    this.#random = seededRandom(seed);
    this.#client = own.client;
    this.#sessionId = own.id;
  }

  static async at(server: TestServer, owner: Owner, seed: number): Promise<Intruder> {
    const { id } = await server.createSession({ daily_budget_usd: "200" }, "mallory");
    return new Intruder(server, owner, seed, { id, client: await server.connect(id, { userId: "mallory" }) });
  }

  async act(): Promise<void> {
    const target = this.#target();
    switch (this.#random(6)) {
      case 0:
        return this.#work();
      case 1:
        return this.#list();
      case 2:
        return this.#message(target);
      default:
        return this.#request(target);
    }
  }

  /** Something of the owner's, and ids of nothing where there is none of a kind yet. */
  #target(): Belongings {
    const { ids } = this.#owner;
    const nothing = unknown();
    const entries = Object.entries(nothing).map(([kind, none]) => {
      const known = ids[kind as keyof Belongings];
      return [kind, known[this.#random(Math.max(1, known.length))] ?? none];
    });
    return Object.fromEntries(entries) as Belongings;
  }

  async #request(target: Belongings): Promise<void> {
    const route = targeted[this.#random(targeted.length)];
    if (route === undefined) return;
    const [forNothing, forTarget] = [
      await answerOf(this.#server, "mallory", route, unknown()),
      await answerOf(this.#server, "mallory", route, target),
    ];
    expect(forTarget, route[0]).toEqual(forNothing);
    expect(forTarget.status, route[0]).toBe(404);
  }

  async #message(target: Belongings): Promise<void> {
    const kinds = ["approve", "reject", "edit", "cancel"] as const;
    const type = kinds[this.#random(kinds.length)] ?? "approve";
    const dataOf = ({ request_id, execution_id }: Belongings) => {
      if (type === "cancel") return { execution_id };
      return type === "edit" ? { request_id, edited_args: { service: "news" } } : { request_id };
    };
    const answer = async (of: Belongings) => {
      const { data } = await ask(this.#client, type, dataOf(of));
      return anonymous(JSON.stringify(data), { ...of, session_id: this.#sessionId });
    };
    const [forNothing, forTarget] = [await answer(unknown()), await answer(target)];
    expect(forTarget, type).toEqual(forNothing);
    expect(forTarget).toContain("not_found");
  }

  /** What the intruder has is the intruder's. */
  async #list(): Promise<void> {
    const path = views[this.#random(views.length)];
    const { body } = await this.#server.http("GET", `${path}`, { userId: "mallory" });
    const text = JSON.stringify(body);
    for (const id of Object.values(this.#owner.ids).flat()) expect(text).not.toContain(id);
  }

  async #work(): Promise<void> {
    const executionId = randomUUID();
    execute(this.#client, commands[this.#random(commands.length)] ?? "", { execution_id: executionId });
    const settled = await this.#client.find(
      ({ type, data }) =>
        "execution_id" in data &&
        data.execution_id === executionId &&
        (type === "approval_required" || type === "complete" || type === "error"),
    );
    if (settled.type === "approval_required")
      await ask(this.#client, "approve", { request_id: settled.data.request_id });
  }
}

/** What the owner sees of so many steps, with an intruder who acts between and beside them, or without one. */
async function ownersView(seed: number, intrusions: number): Promise<readonly string[]> {
  const database = await testDatabase();
  const env = { PAYGENT_REQUESTS_PER_USER: "0", PAYGENT_REQUESTS_PER_ADDRESS: "0", PAYGENT_MESSAGES_PER_USER: "0" };
  const parts = { database, env, model: callingModel(), world: fakeWorld(), messagesPerSecond: 100_000 };
  const server = await startTestServer(parts);
  // On PostgreSQL the two are at different servers.
  const other = isShared ? await startTestServer(parts) : server;
  try {
    const owner = new Owner(server, seed);
    const intruder = intrusions === 0 ? undefined : await Intruder.at(other, owner, seed + 1);
    let left = intrusions;
    const intrude = async (count: number) => {
      while (left > 0 && count-- > 0) {
        left -= 1;
        await intruder?.act();
      }
    };
    for (let step = 0; step < steps; step++) {
      const share = Math.ceil(intrusions / steps / atOnce);
      await Promise.all([owner.step(), ...Array.from({ length: atOnce }, () => intrude(share))]);
    }
    return await owner.end();
  } finally {
    await server.remove();
    if (other !== server) await other.remove();
    await database.remove();
  }
}

test.each([11, 12])(
  `what a user sees is the same whether or not another one reaches for it (${operations} times, seed %i)`,
  async (seed) => {
    const alone = await ownersView(seed, 0);
    const beside = await ownersView(seed, operations / 2);

    expect(alone.length).toBeGreaterThan(steps);
    expect(beside).toEqual(alone);
  },
  60_000 + operations * 60,
);
