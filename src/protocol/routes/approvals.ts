import * as z from "zod";
import { ApproveBody, EditBody, RejectBody } from "../request-bodies.ts";
import { Approval, ApprovalRecord, ApprovalStatus, pageOf } from "../resources.ts";
import { ofRequest, paging, type Route } from "./route.ts";

const decisionErrors = [
  "not_found",
  "invalid_message",
  "already_decided",
  "approval_expired",
  "execution_ended",
  "conflict",
] as const;

/** Read what was asked and decide on it. */
export const approvalRoutes = {
  listApprovals: {
    method: "get",
    path: "/api/v1/approvals",
    tag: "approvals",
    summary: "List approval requests, newest first",
    scope: "read",
    query: z.strictObject({ ...paging, status: ApprovalStatus.optional() }),
    responses: { 200: { description: "One page", schema: pageOf(Approval) } },
    errors: ["invalid_message"],
  },
  getApproval: {
    method: "get",
    path: "/api/v1/approvals/{request_id}",
    tag: "approvals",
    summary: "Read a request with its decision and what the decision was bound to, for an audit",
    scope: "read",
    params: ofRequest,
    responses: { 200: { description: "The record", schema: ApprovalRecord } },
    errors: ["not_found"],
  },
  approve: {
    method: "post",
    path: "/api/v1/approvals/{request_id}/approve",
    tag: "approvals",
    summary: "Let a call run exactly as shown",
    scope: "approve",
    params: ofRequest,
    body: ApproveBody.prefault({}),
    responses: { 200: { description: "The decided approval", schema: Approval } },
    errors: [...decisionErrors, "policy_denied", "budget_exceeded"],
  },
  reject: {
    method: "post",
    path: "/api/v1/approvals/{request_id}/reject",
    tag: "approvals",
    summary: "Refuse a call; the agent is told why and goes on",
    scope: "approve",
    params: ofRequest,
    body: RejectBody.prefault({}),
    responses: { 200: { description: "The decided approval", schema: Approval } },
    errors: decisionErrors,
  },
  edit: {
    method: "post",
    path: "/api/v1/approvals/{request_id}/edit",
    tag: "approvals",
    summary: "Let a call run with other arguments, after they are checked and priced anew",
    scope: "approve",
    params: ofRequest,
    body: EditBody,
    responses: { 200: { description: "The decided approval", schema: Approval } },
    errors: [...decisionErrors, "invalid_arguments", "policy_denied", "budget_exceeded"],
  },
} as const satisfies Record<string, Route>;
