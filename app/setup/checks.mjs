/** `npm test`: lint and format, types, and every test. The last line is `N passed, N failed[, N skipped]`. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkImports } from "./imports.mjs";
import { root } from "./places.mjs";
import { reason, run } from "./shell.mjs";
import { green, red } from "./steps.mjs";

const tool = (path) => join(root, "node_modules", path);

/** @param {readonly string[]} filters parts of test file names; without them everything runs */
export async function runChecks(filters = []) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  if (filters.length === 0) {
    await check(
      "lint and format",
      [tool("@biomejs/biome/bin/biome"), "check", "--error-on-warnings"],
      counts,
    );
    imports(counts);
    await check("types", [tool("typescript/bin/tsc"), "--noEmit", "-p", root], counts);
  }
  await tests(filters, counts);
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
  return counts.failed > 0 ? 1 : 0;
}

async function check(title, args, counts) {
  const result = await run(process.execPath, args, { cwd: root });
  if (result.code === 0) counts.passed++;
  else counts.failed++;
  process.stdout.write(`${result.code === 0 ? green("✓") : red("✗")} ${title}\n`);
  if (result.code !== 0) process.stdout.write(`${result.output.trim()}\n`);
}

function imports(counts) {
  const problems = checkImports();
  if (problems.length === 0) counts.passed++;
  else counts.failed++;
  process.stdout.write(
    `${problems.length === 0 ? green("✓") : red("✗")} direction of imports, purity of machines\n`,
  );
  for (const problem of problems) process.stdout.write(`${problem}\n`);
}

async function tests(filters, counts) {
  const folder = mkdtempSync(join(tmpdir(), "bailiwick-checks-"));
  const report = join(folder, "report.json");
  const args = [
    tool("vitest/vitest.mjs"),
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ];
  // Tests choose their own surroundings; what the caller has set for a desk is not theirs.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !DESK_VARIABLES.test(name)));
  try {
    const result = await run(process.execPath, [...args, ...filters], {
      cwd: root,
      env,
      show: true,
      timeoutMs: 3_600_000,
    });
    const read = readReport(report);
    if (read) {
      counts.passed += read.passed;
      counts.failed += read.failed;
      counts.skipped += read.skipped;
    }
    // A file that does not load, an unhandled error: vitest fails although no test does.
    if (result.code !== 0 && !read?.failed) {
      counts.failed++;
      process.stdout.write(`${red("✗")} vitest: ${read ? `exit code ${result.code}` : reason(result)}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const DESK_VARIABLES = /^BAILIWICK_(?!CACHE_DIR$|NATS_SERVER$|NATS_SEARCH_PATH$)/;

function readReport(path) {
  try {
    const report = JSON.parse(readFileSync(path, "utf8"));
    // A file that fails to load has no tests of its own that could be counted.
    const broken = report.testResults.filter(
      (f) => f.status === "failed" && f.assertionResults.length === 0,
    ).length;
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + broken,
      skipped: report.numPendingTests + (report.numTodoTests ?? 0),
    };
  } catch {
    return undefined;
  }
}
