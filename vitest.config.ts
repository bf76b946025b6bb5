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
    // On a build machine a test that fails is run once more, and what fails twice fails the build: kills and
    // clocks are real here, and a machine may stand still for seconds. At a desk every failure counts.
    retry: process.env.CI === undefined ? 0 : 1,
  },
});
