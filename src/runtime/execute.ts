import { PaygentError } from "../protocol/errors.ts";
import type { Execute } from "../protocol/messages.ts";
import { usdMicros } from "../protocol/money.ts";
import { newId } from "../protocol/new-id.ts";
import { countOpenExecutions, type ExecutionRow, findExecution, newExecution } from "../store/executions.ts";
import type { SessionRow } from "../store/sessions.ts";
import type { Unit } from "../store/unit.ts";
import { type Caller, isMember, notFound, requireOwner } from "./access.ts";
import { contentHash } from "./binding.ts";
import { claimLease } from "./lease.ts";
import { commitCommand, type Runtime } from "./runtime.ts";

const maxOpenExecutions = 1000;

export interface Started {
  readonly execution: ExecutionRow;
  /** True when this very request had started the execution before. */
  readonly isDuplicate: boolean;
}

/**
 * Starts an execution, or queues it behind the one that runs. Sent twice with the same `execution_id` and
 * content it starts once. Throws `conflict`, `session_busy`, `quota_exceeded`, `forbidden`, `not_found`.
 */
export async function execute(
  runtime: Runtime,
  caller: Caller,
  request: { sessionId: string; input: Execute; ref?: string | undefined },
): Promise<Started> {
  const { input, ref, sessionId } = request;
  using place = runtime.worker.place({ isNewcomer: true });
  const { value, events } = await commitCommand(runtime, { sessionId, caller }, async (unit) => {
    if (!isMember(unit.session, caller)) throw notFound("session");
    requireOwner(unit.session, caller, "execute");
    const requestHash = hashOf(sessionId, input);
    const { userId } = unit.session;
    const [existing, open, isFull] = await Promise.all([
      input.execution_id === undefined ? undefined : findExecution(unit.tx, input.execution_id),
      countOpenExecutions(unit.tx, sessionId),
      runtime.userQuota.isFull(unit.tx, userId),
    ]);
    if (existing !== undefined)
      return { execution: sameRequest(existing, requestHash), isDuplicate: true, isCrowdedOut: false, run: undefined };

    refuseTerminated(unit.session);
    if (isFull) throw runtime.userQuota.refusal();
    const isBusy = mustQueue(unit, input, open);
    const isCrowdedOut = !isBusy && !place.take();
    const isQueued = isBusy || isCrowdedOut;
    runtime.userQuota.add(userId);
    unit.create(
      newExecution({
        id: input.execution_id ?? newId(),
        sessionId,
        userId,
        command: input.command,
        plan: input.plan,
        requestHash,
        budgetLimitMicros: input.budget_limit_usd === undefined ? undefined : usdMicros(input.budget_limit_usd),
        createdAt: unit.at,
        firstSeq: unit.nextSeq,
      }),
    );
    unit.append(
      "execution_started",
      {
        command: input.command,
        ...(input.plan === undefined ? {} : { plan: input.plan }),
        budget_limit_usd: input.budget_limit_usd ?? null,
        queued: isQueued,
        by: caller.userId,
      },
      ref,
    );
    const run = isQueued ? undefined : { claimed: begin(unit, runtime.nodeId), config: unit.session.config };
    return { execution: unit.execution, isDuplicate: false, isCrowdedOut, run };
  });
  const { execution, isDuplicate, isCrowdedOut, run } = value;
  if (run !== undefined) runtime.worker.start(run.claimed, execution, run.config, events);
  else if (isCrowdedOut) runtime.worker.offer();
  return { execution, isDuplicate };
}

/** Claims the unit's execution and shows that work on it begins. */
function begin(unit: Unit, nodeId: string) {
  const claimed = claimLease(unit, nodeId);
  const { command, plan } = unit.execution;
  unit.append("thinking", { command, step: 1, ...(plan === undefined ? {} : { total_steps: plan.length }) });
  return claimed;
}

/** Starts what has waited longest in a session, if nothing runs there and this node has room. */
export async function startQueued(runtime: Runtime, execution: ExecutionRow): Promise<void> {
  const key = { sessionId: execution.sessionId, executionId: execution.id };
  using place = runtime.worker.place();
  const { value } = await commitCommand(runtime, key, async (unit) => {
    if (unit.execution.status !== "queued" || unit.execution.cancelBy !== null) return undefined;
    if ((await countOpenExecutions(unit.tx, unit.session.id)).running > 0 || !place.take()) return undefined;
    return { claimed: begin(unit, runtime.nodeId), execution: unit.execution, config: unit.session.config };
  });
  // The log has `execution_started` from before, so the run reads it.
  if (value !== undefined) runtime.worker.start(value.claimed, value.execution, value.config, undefined);
}

function hashOf(sessionId: string, input: Execute): string {
  return contentHash([sessionId, input.command, input.plan ?? null, input.budget_limit_usd ?? null]);
}

function sameRequest(existing: ExecutionRow, requestHash: string): ExecutionRow {
  if (existing.requestHash === requestHash) return existing;
  throw new PaygentError(
    "conflict",
    "This execution_id was used for another request. Send the same content again, or a new id.",
  );
}

type OpenExecutions = Awaited<ReturnType<typeof countOpenExecutions>>;

function mustQueue(unit: Unit, input: Execute, open: OpenExecutions): boolean {
  if (open.queued + open.running + open.waiting >= maxOpenExecutions) {
    const sentence = `This session has ${maxOpenExecutions} executions that have not ended. Decide or cancel some of them first.`;
    throw new PaygentError("quota_exceeded", sentence);
  }
  const isBusy = open.queued + open.running > 0;
  if (isBusy && (input.if_busy ?? unit.session.config.if_busy) === "reject") {
    const sentence = 'This session is working on another command. Wait for it, or send if_busy "queue".';
    throw new PaygentError("session_busy", sentence);
  }
  return isBusy;
}

function refuseTerminated(session: SessionRow): void {
  if (session.status === "active") return;
  throw new PaygentError("conflict", "This session is terminated. Create a new one.");
}
