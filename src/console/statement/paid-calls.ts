import type { PaygentClient } from "../../client/index.ts";
import { Cost } from "../../protocol/events.ts";
import type { LogEntry, Session } from "../../protocol/resources.ts";

/** A call that cost something, as the log of its session has it. */
export interface PaidCall {
  readonly key: string;
  readonly at: string;
  readonly sessionId: string;
  readonly sessionTitle: string;
  readonly toolName: string;
  readonly payee: string;
  readonly cost: Cost;
}

/** How many of the newest sessions are looked through. */
export const sessionsRead = 100;

/** What the newest sessions paid, newest first. */
export async function loadPayments(client: PaygentClient): Promise<readonly PaidCall[]> {
  const { data: sessions } = await client.sessions.list({ limit: sessionsRead });
  const paying = sessions.filter(({ budget }) => Number(budget.spent) > 0);
  const found = await Promise.all(paying.map((session) => paidCallsOf(client, session)));
  return found.flat().sort((one, other) => other.at.localeCompare(one.at));
}

async function paidCallsOf(client: PaygentClient, session: Session): Promise<PaidCall[]> {
  const calls: PaidCall[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.logs.list({
      session_id: session.id,
      type: "tool_result",
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    });
    calls.push(...page.data.flatMap((entry) => paidCall(session, entry)));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return calls;
}

function paidCall(session: Session, { seq, timestamp, data }: LogEntry): PaidCall[] {
  const cost = Cost.safeParse(data.cost);
  if (!cost.success) return [];
  return [
    {
      key: `${session.id} ${seq}`,
      at: timestamp,
      sessionId: session.id,
      sessionTitle: session.title ?? session.id,
      toolName: `${data.tool_name}`,
      payee: payeeOf(data.result) ?? "unknown",
      cost: cost.data,
    },
  ];
}

/** Results of payments name the payee; one that was edited stands a level deeper. */
function payeeOf(result: unknown): string | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  const { payment, result: inner } = result as { payment?: unknown; result?: unknown };
  if (payment === undefined) return payeeOf(inner);
  const payee = (payment as { payee?: unknown } | null)?.payee;
  return typeof payee === "string" ? payee : undefined;
}
