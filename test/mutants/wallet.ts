import type { Mutant } from "./mutant.ts";

export const walletMutants: readonly Mutant[] = [
  {
    promise: "W1",
    defect: "A server pays on a network without being told --live.",
    file: "src/server/settings.ts",
    find: 'if (chain.kind === "network" && !isLive)',
    replace: 'if (chain.kind === "network" && isLive === undefined)',
    test: "test/network.test.ts",
  },
  {
    promise: "W1",
    defect: "A node of another chain is believed.",
    file: "src/payments/network-check.ts",
    find: "if (`eip155:${chainId}` !== network)",
    replace: "if (chainId === 0)",
    test: "test/network.test.ts",
  },
  {
    promise: "W1",
    defect: "A token is taken whose signatures are made for another domain.",
    file: "src/payments/network-check.ts",
    find: '(await read("DOMAIN_SEPARATOR")) !== expected',
    replace: '(await read("DOMAIN_SEPARATOR")) === "0x"',
    test: "test/network.test.ts",
  },
  {
    promise: "W2",
    defect: "A key is opened by any passphrase.",
    file: "src/payments/keystore.ts",
    find: "|| !timingSafeEqual(mac, expected)",
    replace: "|| !timingSafeEqual(mac, mac)",
    test: "src/payments/keystore.test.ts",
  },
  {
    promise: "W2",
    defect: "Others may read a new key.",
    file: "src/payments/keystore-file.ts",
    find: 'openSync(draft, "wx", 0o600)',
    replace: 'openSync(draft, "wx", 0o644)',
    test: "src/payments/import-key.test.ts",
  },
  {
    promise: "W2",
    defect: "A new key replaces the one that was made a moment before.",
    file: "src/payments/keystore-file.ts",
    find: "linkSync(draft, path);",
    replace: "try { unlinkSync(path); } catch {} linkSync(draft, path);",
    test: "src/payments/import-key.test.ts",
  },
];
