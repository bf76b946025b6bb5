import type { Mutant } from "./mutant.ts";

export const hostileMutants: readonly Mutant[] = [
  {
    promise: "I23",
    defect: "Whom another user has paid counts as paid before.",
    file: "src/store/payees.ts",
    find: '    .where("user_id", "=", param("userId"))\n    .where("network", "=", param("network"))\n',
    replace: '    .where("network", "=", param("network"))\n',
    test: "test/tenants.test.ts",
  },
  {
    promise: "I10",
    defect: "A service that answers success is believed, and the chain not asked.",
    file: "src/runtime/pay.ts",
    find: "    response = await send(payer, terms, signed);\n    outcome = await askChain(payer.wallet, terms, signed);",
    replace:
      '    response = await send(payer, terms, signed);\n    outcome = response?.status === 200 ? { state: "settled", txHash: signed.nonce } : await askChain(payer.wallet, terms, signed);',
    test: "test/hostile-services.test.ts",
  },
  {
    promise: "I10",
    defect: "A payment follows a redirect to another host.",
    file: "src/payments/service-request.ts",
    find: 'redirect: "manual",',
    replace: 'redirect: "follow",',
    test: "test/hostile-services.test.ts",
  },
  {
    promise: "I11",
    defect: "An outcome that nobody knows gives the money back to the budget.",
    file: "src/runtime/purchase.ts",
    find: '        record: (unit) => updatePayment(unit.tx, key, { state: "unknown" }, unit.at),',
    replace: "        record: async (unit) => void (await release(unit, key)),",
    test: "test/hostile-chain.test.ts",
  },
  {
    promise: "I14",
    defect: "A merchant that was killed between settlement and sale has forgotten who paid.",
    file: "src/payments/replays.ts",
    find: 'return readFileSync(noteOf(id), "utf8") === fingerprint;',
    replace: 'return readFileSync(noteOf(id), "utf8") === "";',
    test: "test/demo.test.ts",
  },
  {
    promise: "I25",
    defect: "The merchant writes the payments that it is sent to the log.",
    file: "src/payments/merchant.ts",
    find: "  const header = context.req.header(paymentHeader);\n",
    replace: "  const header = context.req.header(paymentHeader);\n  process.stderr.write(`${header}\\n`);\n",
    test: "test/secrets-stay-inside.test.ts",
  },
  {
    promise: "I32",
    defect: "What costs more than the threshold is paid without a question.",
    file: "src/runtime/policy.ts",
    find: "  if (price.micros > threshold) {",
    replace: "  if (price.micros < 0n) {",
    test: "test/untrusted-text.test.ts",
  },
  {
    promise: "I10",
    defect: "A page is followed from https to http.",
    file: "src/agent/web.ts",
    find: 'if (url.protocol === "https:" && next.protocol === "http:") throw',
    replace: 'if (url.protocol === "gopher:") throw',
    test: "test/tls.test.ts",
  },
];
