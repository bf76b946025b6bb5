import * as z from "zod";
import { Freeze, FreezeBody, FreezeTarget } from "../freeze.ts";
import { Id } from "../ids.ts";
import { pageOf, SpendRuleInfo, ToolList } from "../resources.ts";
import { Simulate, Simulation } from "../simulation.ts";
import { ofSession, type Route } from "./route.ts";

/** What agents may do: their tools, spend rules, freezes, and what a call would meet. */
export const policyRoutes = {
  listTools: {
    method: "get",
    path: "/api/v1/tools",
    tag: "tools",
    summary: "List the tools that agents are offered, with the schemas of their arguments",
    scope: "read",
    responses: { 200: { description: "All of them", schema: ToolList } },
    errors: [],
  },
  listSpendRules: {
    method: "get",
    path: "/api/v1/sessions/{session_id}/spend-rules",
    tag: "payments",
    summary: "List the rules that approvals of a session left behind",
    scope: "read",
    params: ofSession,
    responses: { 200: { description: "All of them", schema: pageOf(SpendRuleInfo) } },
    errors: ["not_found"],
  },
  revokeSpendRule: {
    method: "delete",
    path: "/api/v1/spend-rules/{rule_id}",
    tag: "payments",
    summary: "Revoke a spend rule",
    scope: "approve",
    params: z.strictObject({ rule_id: Id }),
    responses: { 204: { description: "The rule no longer holds" } },
    errors: ["not_found"],
  },
  simulatePolicy: {
    method: "post",
    path: "/api/v1/policy/simulate",
    tag: "policy",
    summary:
      "Tell what a call would meet now: whether it runs, is asked about or denied, by which rule; changes nothing",
    scope: "execute",
    body: Simulate,
    responses: { 200: { description: "The verdict", schema: Simulation } },
    errors: [
      "not_found",
      "invalid_message",
      "invalid_arguments",
      "tool_failed",
      "payment_terms_invalid",
      "url_blocked",
      "timeout",
      "unavailable",
      "conflict",
    ],
  },
  listFreezes: {
    method: "get",
    path: "/api/v1/freeze",
    tag: "policy",
    summary: "List the freezes that concern you: of all, of yourself, of your sessions",
    scope: "read",
    responses: { 200: { description: "All of them", schema: pageOf(Freeze) } },
    errors: [],
  },
  freeze: {
    method: "post",
    path: "/api/v1/freeze",
    tag: "policy",
    summary: "Stop all payments of a session, of yourself, or of everybody (scope admin); twice is once",
    scope: "approve",
    body: FreezeBody,
    responses: { 200: { description: "The freeze that holds", schema: Freeze } },
    errors: ["not_found", "invalid_message", "conflict"],
  },
  unfreeze: {
    method: "delete",
    path: "/api/v1/freeze",
    tag: "policy",
    summary: "Lift a freeze; lifting one that is not there is no error",
    scope: "approve",
    query: FreezeTarget,
    responses: { 204: { description: "It does not hold any more" } },
    errors: ["not_found", "invalid_message"],
  },
} as const satisfies Record<string, Route>;
