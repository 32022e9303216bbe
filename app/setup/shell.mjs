/** Runs programs. Set-up ends them with itself, so that Ctrl-C leaves nothing behind. */
import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** How long a program may take to stop after Ctrl-C. A half of an installation does no harm: npm ci starts afresh. */
const GRACE_MS = 2_000;

const running = new Set();
let stopping = false;
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
]) {
  process.on(signal, () => {
    // The desk has taken over, and stops in its own way.
    if (running.size === 0 && process.listenerCount(signal) > 1) return;
    // One Ctrl-C comes twice: from the terminal, and from npm, which passes it on.
    if (stopping) return;
    stopping = true;
    for (const child of running) child.kill(signal);
    const deadline = Date.now() + GRACE_MS;
    const wait = () => {
      if (running.size > 0 && Date.now() < deadline) return setTimeout(wait, 50);
      for (const child of running) child.kill("SIGKILL");
      process.exit(code);
    };
    wait();
  });
}

/**
 * Runs a program to its end and keeps what it says.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, show?: boolean, onLine?: (line: string) => void}} [options]
 *   `show`: its output goes to this terminal instead. `timeoutMs`: default 10 minutes.
 * @returns {Promise<{code: number, output: string}>} code 127 when the program is not there, 124 at the time-out.
 */
export function run(program, args, options = {}) {
  return new Promise((done) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", options.show ? "inherit" : "pipe", options.show ? "inherit" : "pipe"],
    });
    running.add(child);
    let output = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, options.timeoutMs ?? 600_000);
    const take = (chunk) => {
      output = (output + chunk).slice(-200_000);
      const line = String(chunk).trim().split("\n").at(-1);
      if (line) options.onLine?.(line);
    };
    child.stdout?.on("data", take);
    child.stderr?.on("data", take);
    const end = (code, more = "") => {
      clearTimeout(timer);
      running.delete(child);
      // What was broken off has not failed: nothing is to be said about it.
      if (!stopping) done({ code, output: output + more });
    };
    child.on("error", (error) => end(error.code === "ENOENT" ? 127 : 126, error.message));
    child.on("close", (code) => end(late ? 124 : (code ?? 1)));
  });
}

/** Why a run failed, in one line. */
export function reason({ code, output }) {
  if (code === 127) return "not installed";
  if (code === 124) return "no end within the time allowed";
  const lines = output.trim().split("\n");
  const telling =
    lines.filter((l) => /error|^E:|cannot|denied|not found/i.test(l)).at(-1) ?? lines.at(-1) ?? "";
  return `exit code ${code}${telling ? `: ${telling.trim().slice(0, 300)}` : ""}`;
}

/** Path of a program in PATH or in `more` folders; undefined when it is not there. */
export function which(name, more = [], path = process.env.PATH ?? "") {
  for (const folder of [...path.split(delimiter), ...more]) {
    if (folder && isProgram(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
