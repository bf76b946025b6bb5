/** WebSocket close codes that a Paygent server uses, and what a client should make of them. */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  unsupportedData: 1003,
  malformedText: 1007,
  policyViolation: 1008,
  tooLarge: 1009,
  overloaded: 1013,
  malformedQuery: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  notFound: 4404,
  terminated: 4409,
} as const;

/** What a client did wrong, and would do wrong again. */
const clientFaults: ReadonlySet<number> = new Set([
  closeCodes.unsupportedData,
  closeCodes.malformedText,
  closeCodes.policyViolation,
  closeCodes.tooLarge,
]);

/** Whether trying again with the same session and credential can succeed. */
export function isRetryable(closeCode: number): boolean {
  return closeCode < 4000 && !clientFaults.has(closeCode);
}
