import * as z from "zod";
import { Id } from "../ids.ts";
import { PaymentDetail, PaymentInfo, PaymentState, Statement } from "../payment-info.ts";
import { PaymentsBy, PaymentTotals } from "../payment-totals.ts";
import { pageOf, Service, WalletInfo } from "../resources.ts";
import { paging, type Route, Timestamp } from "./route.ts";

const filter = {
  session_id: Id.optional(),
  execution_id: Id.optional(),
  state: PaymentState.optional(),
  payee: z.string().min(1).max(200).optional(),
  from: Timestamp.optional(),
  to: Timestamp.optional(),
};

/** The wallet, what it can buy, and what it paid. */
export const paymentRoutes = {
  getWallet: {
    method: "get",
    path: "/api/v1/wallet",
    tag: "payments",
    summary: "Read the agent wallet's address and balance",
    scope: "read",
    responses: { 200: { description: "The wallet", schema: WalletInfo } },
    errors: ["unavailable"],
  },
  listServices: {
    method: "get",
    path: "/api/v1/services",
    tag: "payments",
    summary: "List the services that the agent can buy from by name",
    scope: "read",
    responses: { 200: { description: "All of them", schema: pageOf(Service) } },
    errors: [],
  },
  listPayments: {
    method: "get",
    path: "/api/v1/payments",
    tag: "payments",
    summary: "List payments, newest first; from and to are about when they were quoted",
    scope: "read",
    query: z.strictObject({ ...paging, ...filter }),
    responses: { 200: { description: "One page", schema: pageOf(PaymentInfo) } },
    errors: ["invalid_message"],
  },
  totalPayments: {
    method: "get",
    path: "/api/v1/payments/totals",
    tag: "payments",
    summary: "Sum up payments by day, payee, tool, session or state, with the filters of their list",
    scope: "read",
    query: z.strictObject({ by: PaymentsBy, ...filter }),
    responses: { 200: { description: "The sums: days newest first, others largest first", schema: PaymentTotals } },
    errors: ["invalid_message", "quota_exceeded"],
  },
  readStatement: {
    method: "get",
    path: "/api/v1/payments/statement",
    tag: "payments",
    summary: "Read what a session paid in a period, with totals; as JSON, or as CSV with Accept: text/csv",
    scope: "read",
    query: z.strictObject({
      session_id: Id,
      from: Timestamp.optional(),
      to: Timestamp.optional(),
      format: z.enum(["json", "csv"]).optional(),
    }),
    responses: { 200: { description: "The statement", schema: Statement } },
    errors: ["not_found", "invalid_message", "quota_exceeded"],
    hasCsv: true,
  },
  getPayment: {
    method: "get",
    path: "/api/v1/payments/{payment_id}",
    tag: "payments",
    summary: "Read a payment: its terms, what happened when, and its receipt",
    scope: "read",
    params: z.strictObject({ payment_id: Id }),
    responses: { 200: { description: "The payment", schema: PaymentDetail } },
    errors: ["not_found"],
  },
} as const satisfies Record<string, Route>;
