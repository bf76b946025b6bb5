import { defineConfig } from "vitest/config";

// biome-ignore lint/style/noDefaultExport: vitest reads its settings from here.
export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    testTimeout: 20_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    maxWorkers: 2,
  },
});
