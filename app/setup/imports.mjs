/**
 * The architecture as a check: who may import whom, and what the files of pure machines may not touch.
 *
 * Works on text, with comments taken out; nothing has to be installed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { root } from "./places.mjs";

/** A room imports from itself and from those before it. */
export const ROOMS = ["runtime", "supervisors", "memory", "actors", "scenarios", "bench", "console", "app"];

/** Libraries that are imported in one folder, so that a successor can be adopted in one change. */
const HOMES = { nats: "runtime/bus/", xstate: "runtime/host/" };
/** What the server does by itself is shown without our bus. */
const ELSEWHERE = new Set(["bench/chaos/server-copies.ts"]);

/** What the gateway may see of the engine: the vocabulary. What it serves is added to it by `app`. */
const GATEWAY_MAY =
  /^runtime\/(gateway\/|config\/|telemetry\/|(address|clock|engine|envelope|ids|json)\.ts$|host\/definition\.ts$)/;

const IMPURE = [
  [/\bDate\s*\.\s*now\b/, "Date.now: the time is the record's `at`"],
  [
    /\bnew\s+Date\s*\(\s*\)|(?<!new\s)(?<![\w.])Date\s*\(\s*\)/,
    "the wall clock: the time is the record's `at`",
  ],
  [/\bMath\s*\.\s*random\b/, "Math.random: derive it from the record's id"],
  [/\bperformance\s*\.\s*now\b/, "performance.now: the time is the record's `at`"],
  [/\b(?:await|async)\b/, "await or async: an ask is the only asynchrony"],
  [/(?<![\w.])fetch\s*\(/, "fetch: ask a resident agent"],
  [/(?<![\w.])process\s*\./, "process: pass it in as data"],
  [
    /(?<![\w.])set(?:Timeout|Interval|Immediate)\s*\(/,
    "timers of Node: use `after` or a delayed event with an id",
  ],
  [/\brandomUUID\b|\bnewId\s*\(/, "random ids: derive them from the record's id"],
];

/** Everything but comments, with the line breaks kept. Strings stay unless `strings` is false. */
export function withoutComments(text, strings = true) {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
  return text.replace(token, (found) => {
    if (found.startsWith("/")) return found.replace(/[^\n]/g, " ");
    return strings ? found : `${found[0]}${" ".repeat(found.length - 2)}${found[0]}`;
  });
}

/** What a file imports: each specifier with its line. */
export function importsOf(text) {
  const code = withoutComments(text);
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)(["'])([^"'\n]+)\1/g;
  return [...code.matchAll(pattern)].map((m) => ({ line: lineAt(code, m.index), specifier: m[2] }));
}

function lineAt(text, index) {
  return text.slice(0, index).split("\n").length;
}

export function isMachineFile(path) {
  return /(?:^|[/.-])machine\.ts$/.test(path) && !path.startsWith("runtime/host/");
}

/** Problems of one file; `path` is relative to the root with forward slashes. */
export function problemsOf(path, text) {
  const problems = [];
  const room = path.split("/")[0];
  for (const { line, specifier } of importsOf(text)) {
    const say = (what) => problems.push(`${path}:${line}: imports ${specifier}: ${what}`);
    if (specifier.startsWith(".")) {
      const target = posix.join(posix.dirname(path), specifier);
      const other = target.split("/")[0];
      if (ROOMS.includes(other) && ROOMS.indexOf(other) > ROOMS.indexOf(room)) {
        say(`${room} comes before ${other}; imports point ${ROOMS.join(" <- ")}`);
      }
      const tests = /\.test\.ts$/.test(path);
      if (path.startsWith("runtime/gateway/") && !tests && !GATEWAY_MAY.test(target)) {
        say("the gateway imports nothing that it serves; let app hand it in");
      }
    }
    const home = HOMES[specifier] ?? HOMES[specifier.split("/")[0]];
    if (home && !path.startsWith(home) && !ELSEWHERE.has(path)) say(`only ${home} may; use what it exports`);
    if (isMachineFile(path) && (specifier.startsWith("node:") || specifier === "crypto")) {
      say("a machine is pure: ask a resident agent");
    }
  }
  if (isMachineFile(path)) {
    const code = withoutComments(text, false);
    for (const [pattern, what] of IMPURE) {
      const found = pattern.exec(code);
      if (found) problems.push(`${path}:${lineAt(code, found.index)}: a machine is pure, no ${what}`);
    }
  }
  return problems;
}

/** Every problem in the rooms. */
export function checkImports(base = root) {
  const problems = [];
  for (const room of ROOMS) {
    let files = [];
    try {
      files = readdirSync(join(base, room), { recursive: true, withFileTypes: true });
    } catch {
      continue; // A room that is not there yet.
    }
    for (const file of files) {
      if (!file.isFile() || !file.name.endsWith(".ts")) continue;
      const full = join(file.parentPath, file.name);
      const path = full.slice(base.length + 1).replaceAll("\\", "/");
      problems.push(...problemsOf(path, readFileSync(full, "utf8")));
    }
  }
  return problems.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
