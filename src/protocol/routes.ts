import { approvalRoutes } from "./routes/approvals.ts";
import { executionRoutes } from "./routes/executions.ts";
import { logRoutes } from "./routes/log.ts";
import { paymentRoutes } from "./routes/payments.ts";
import { policyRoutes } from "./routes/policy.ts";
import { serverRoutes } from "./routes/server.ts";
import { sessionRoutes } from "./routes/sessions.ts";

/** Every HTTP operation by its name. */
export const routes = {
  ...sessionRoutes,
  ...executionRoutes,
  ...approvalRoutes,
  ...logRoutes,
  ...paymentRoutes,
  ...policyRoutes,
  ...serverRoutes,
} as const;

export type RouteName = keyof typeof routes;
