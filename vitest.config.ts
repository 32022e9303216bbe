import { configDefaults, defineConfig } from "vitest/config";

/** Leases of half a second among many nodes need a machine that has time for them: `npm run test:cluster`. */
const TIMED = "runtime/cluster/{coordinator,leases,paused,schedule,servers}.test.ts";

export default defineConfig({
  test: {
    include: [
      "{runtime,supervisors,memory,actors,scenarios,bench,console,app}/**/*.test.ts",
      "app/setup/**/*.test.mjs",
    ],
    exclude: [...configDefaults.exclude, ...(process.env.TEST_CLUSTER ? [] : [TIMED])],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
