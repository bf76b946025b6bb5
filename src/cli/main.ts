#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import packageJson from "../../package.json" with { type: "json" };
import { formatUsd } from "../protocol/money.ts";
import type { DemoParts } from "./demo.ts";
import { type CliParts, runCli } from "./program.ts";
import { dataDirOf, type Env } from "./server-access.ts";
import { processTerminal } from "./terminal.ts";
import type { WalletParts } from "./wallet.ts";

// Compiling the server's code and its libraries is most of a start; later starts take it from Node's cache.
enableCompileCache();

// Loaded when a command needs them: a client's command does not wait for the server's code.
const wallet: WalletParts = {
  keystoreSettings: async (env) =>
    (await import("../server/keystore-settings.ts")).readKeystoreSettings(env, dataDirOf(env)),
  checkNewKeystore: async (path) => (await import("../payments/keystore-file.ts")).refuseExisting(path),
  createKeystore: async (path, passphrase) => (await import("../payments/import-key.ts")).createKey(path, passphrase),
  importKey: async (path, secret, passphrase) =>
    (await import("../payments/import-key.ts")).importKey(path, secret, passphrase),
  keystoreAddress: async (path, passphrase) =>
    (await import("../payments/keystore-file.ts")).addressOf(path, passphrase),
  networkBalance: async (env, address) => {
    const network = await networkOf(env);
    if (network === undefined) return undefined;
    return (await import("../payments/network-balance.ts")).networkBalance(network, await address());
  },
};

const parts: CliParts = {
  version: packageJson.version,
  wallet,
  startServer: async (options, given) => (await import("../server/start.ts")).startServer(options, given),
  checkModel: async (spec) => {
    (await import("../agent/providers.ts")).resolveModel(spec, process.env);
  },
  checkNetwork: async (env) => {
    const network = await networkOf(env);
    return network && (await import("../payments/wallet-check.ts")).describeNetwork(network);
  },
  checkWallet: async (env) => {
    const network = await networkOf(env);
    return network && (await import("../payments/wallet-check.ts")).checkWallet(network);
  },
  async *verifySessions(sessionId, { checkpoints, archive }) {
    const { openStoreForReading } = await import("../store/database.ts");
    const { verifySessions } = await import("../store/verify.ts");
    const store = await openStoreForReading(storePlace());
    try {
      const folder = archive === false ? undefined : (archive ?? (await retentionSettings()).archiveDir);
      yield* verifySessions(store.db, sessionId, { checkpoints, archive: folder });
    } finally {
      await store.close();
    }
  },
  async *verifyFiles(path, checkpointOf) {
    yield* (await import("../store/verify-archive.ts")).verifyFiles(path, checkpointOf);
  },
  archiveSettings: retentionSettings,
  async *archiveEvents(request) {
    yield* (await import("../server/archive-by-hand.ts")).archiveByHand(storePlace(), request);
  },
  ...demoParts(),
};

function storePlace() {
  const url = process.env.DATABASE_URL;
  return url ? { url } : { dataDir: dataDirOf(process.env) };
}

async function retentionSettings() {
  return (await import("../server/settings.ts")).readRetention(process.env, dataDirOf(process.env));
}

async function networkOf(env: Env) {
  const chain = (await import("../server/chain-settings.ts")).readChainSettings(env, dataDirOf(env));
  return chain.kind === "network" ? chain : undefined;
}

process.exitCode = await runCli(process.argv.slice(2), process.env, parts, processTerminal());

function demoParts(): DemoParts {
  const chainOf = (dataDir: string) => join(dataDir, "chain");
  return {
    programPath: fileURLToPath(import.meta.url),
    async readEvidence(dataDir) {
      const { viewLocalChain } = await import("../payments/local-transfers.ts");
      const { openStoreForReading } = await import("../store/database.ts");
      const { accountTotals } = await import("../store/account-totals.ts");
      const { verifySessions } = await import("../store/verify.ts");
      const transfers = await (await viewLocalChain(chainOf(dataDir))).transfers();
      const store = await openStoreForReading({ dataDir });
      try {
        const totals = await accountTotals(store.db);
        let isIntact = true;
        for await (const verification of verifySessions(store.db, undefined)) isIntact &&= verification.isIntact;
        const sent = transfers.reduce((sum, { value }) => sum + value, 0n);
        return {
          chain: {
            transfers: transfers.length,
            sent: formatUsd(sent),
            tx_hashes: transfers.map(({ txHash }) => txHash),
          },
          ledger: {
            payments: totals.settledCalls,
            settled: formatUsd(totals.settledMicros),
            reserved: formatUsd(totals.reservedMicros),
          },
          log: {
            told: formatUsd(totals.toldMicros),
            events: totals.events,
            is_intact: isIntact,
          },
          open_executions: totals.openExecutions,
        };
      } finally {
        await store.close();
      }
    },
    async untilMoneyMoved(dataDir, signal) {
      const { viewLocalChain } = await import("../payments/local-transfers.ts");
      const chain = await viewLocalChain(chainOf(dataDir));
      // Each look waits for the chain's answer, and for nothing more: the server settles its ledger milliseconds
      // after the money has moved, and the demo kills it in between.
      while (!signal.aborted) {
        if ((await chain.transfers()).length > 0) return;
      }
    },
    endChain: async (dataDir) => (await import("../payments/local-transfers.ts")).endLocalChain(chainOf(dataDir)),
  };
}
