import type { Mutant } from "./mutant.ts";

export const documentsMutants: readonly Mutant[] = [
  {
    promise: "D1",
    defect: "An event has a field that PROTOCOL.md does not tell of.",
    file: "src/protocol/events.ts",
    find: "    released_usd: Decimal,\n",
    replace: "    released_usd: Decimal,\n    refunded_usd: Decimal.optional(),\n",
    test: "test/protocol-document.test.ts",
  },
  {
    promise: "D1",
    defect: "The server reads a variable under another name than PROTOCOL.md gives it.",
    file: "src/server/settings.ts",
    find: 'check(env, "LOG_LEVEL",',
    replace: 'check(env, "PAYGENT_LOG_LEVEL",',
    test: "test/protocol-document.test.ts",
  },
  {
    promise: "D1",
    defect: "An error code is answered with another HTTP status than PROTOCOL.md says.",
    file: "src/protocol/errors.ts",
    find: "  session_busy: 409,",
    replace: "  session_busy: 423,",
    test: "test/protocol-document.test.ts",
  },
  {
    promise: "D2",
    defect: "A field deep within a message is not in snake case.",
    file: "src/protocol/spend-rule.ts",
    find: "  max_amount: Usd,",
    replace: "  maxAmount: Usd,",
    test: "test/snake-case.test.ts",
  },
];
