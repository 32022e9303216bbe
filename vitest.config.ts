import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "{runtime,supervisors,memory,actors,scenarios,bench,console,app}/**/*.test.ts",
      "app/setup/**/*.test.mjs",
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
