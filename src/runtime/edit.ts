import { PaygentError } from "../protocol/errors.ts";
import type { Edit } from "../protocol/messages.ts";
import { decideApproval } from "../store/approvals.ts";
import type { Caller } from "./access.ts";
import { boundHash } from "./binding.ts";
import { reserve } from "./budget.ts";
import { checkArgs, toolNamed } from "./checked-call.ts";
import { approvalFor, type DecisionRequest, decide, decisionData } from "./decision.ts";
import { approvalsNeeded, judge } from "./policy.ts";
import { policyFacts } from "./policy-facts.ts";
import { quoteFor } from "./price-check.ts";
import { priceOf } from "./quoted-purchase.ts";
import type { Runtime } from "./runtime.ts";
import type { Tool } from "./tool.ts";

/**
 * Lets a call run with other arguments: checked against the tool's schema, priced anew, and taken through
 * policy and budget again. The tool stays the same. Besides the refusals of every decision it throws
 * `invalid_arguments`, `policy_denied`, `budget_exceeded` and what asking for a price may; the request
 * then stays pending.
 */
export async function edit(runtime: Runtime, caller: Caller, request: DecisionRequest<Edit>): Promise<void> {
  const { input, ref } = request;
  const { approval, session } = await approvalFor(runtime, caller, request);
  const tool = toolNamed(runtime.tools, approval.toolName);
  const args = editedArgs(tool, input.edited_args);
  const quote =
    approval.status === "pending" ? await quoteFor({ ...runtime, config: session.config }, tool, args) : undefined;
  const price = priceOf(tool, args, quote);
  const terms = quote === undefined ? undefined : JSON.stringify(quote.terms);

  await decide(runtime, caller, { ...request, sessionId: session.id }, async (unit, pending) => {
    const { config, policyVersion } = unit.session;
    const facts = await policyFacts(unit.tx, unit.session, { tool, price, at: unit.at });
    const verdict = judge({ tool, price, config, facts });
    if (verdict.kind === "deny") throw verdict.error;
    refuseUnderQuorum(approvalsNeeded(config, price.micros));
    const spendKey = { executionId: pending.executionId, toolId: pending.toolId };
    const refusal = await reserve(unit, spendKey, { micros: price.micros, payee: price.payee });
    if (refusal !== undefined) throw refusal;
    const bound = { toolName: tool.name, args, payee: quote?.purchase.payee, terms, policyVersion };
    const edited = { ...bound, micros: price.micros, boundHash: boundHash({ ...bound, expiresAt: pending.expiresAt }) };
    await decideApproval(unit.tx, pending, {
      status: "edited",
      decidedBy: caller.userId,
      decidedAt: unit.at,
      reason: input.reason,
      policyVersion,
      edited,
    });
    const data = decisionData(pending, caller, "edited", input.reason);
    unit.append("edit_approved", { ...data, edited_args: args }, ref);
    return "decided";
  });
}

/** One person's edit would put other content under what several must approve. */
function refuseUnderQuorum(needed: number): void {
  if (needed === 0) return;
  throw new PaygentError(
    "policy_denied",
    `A payment of this size needs ${needed} approvals, so one person cannot edit it. Reject it and give a new command.`,
    { details: { rule: "quorum" } },
  );
}

/** A question is answered by adding the answer to its arguments. */
function editedArgs(tool: Tool, edited: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (tool.effect !== "question") return checkArgs(tool, edited);
  const { answer, ...args } = edited;
  if (typeof answer === "string") return { ...checkArgs(tool, args), answer };
  throw new PaygentError("invalid_arguments", `${tool.name} needs "answer" in the edited arguments, a text.`);
}
