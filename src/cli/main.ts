#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import packageJson from "../../package.json" with { type: "json" };
import { type CliParts, runCli } from "./program.ts";
import { dataDirOf } from "./server-access.ts";
import { processTerminal } from "./terminal.ts";

// Compiling the server's code and its libraries is most of a start; later starts take it from Node's cache.
enableCompileCache();

// Loaded when a command needs them: a client's command does not wait for the server's code.
const parts: CliParts = {
  version: packageJson.version,
  startServer: async (options) => (await import("../server/start.ts")).startServer(options),
  checkModel: async (spec) => {
    (await import("../agent/providers.ts")).resolveModel(spec, process.env);
  },
  async *verifySessions(sessionId, checkpoint) {
    const { openStoreForReading } = await import("../store/database.ts");
    const { verifySessions } = await import("../store/verify.ts");
    const url = process.env.DATABASE_URL;
    const store = await openStoreForReading(url ? { url } : { dataDir: dataDirOf(process.env) });
    try {
      yield* verifySessions(store.db, sessionId, checkpoint);
    } finally {
      await store.close();
    }
  },
  verifyExport: async (path, checkpoint) => (await import("../store/verify-export.ts")).verifyExport(path, checkpoint),
};

process.exitCode = await runCli(process.argv.slice(2), process.env, parts, processTerminal());
