/** Desks as processes, for tests: `bin/bailiwick up` as in a terminal, customers who keep lists of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "vitest";
import { projectRoot } from "../runtime/config/paths.ts";
import { ConversationDriver } from "../scenarios/driver.ts";

export const BIN = join(projectRoot, "bin/bailiwick");
export const QUESTIONS = [
  "How many days do I have to return something?",
  "Do you ship abroad?",
  "How do I reset my password?",
  "Which payment methods do you take?",
  "How do I use a gift card?",
];
const CONVERSATIONS = 10;

if (!existsSync(join(projectRoot, "dist/app/cli.js"))) {
  throw new Error("the desk's processes run from dist/: npm test builds it, npm run setup does so alone");
}

export interface Up {
  readonly watchdog: ChildProcess;
  readonly url: string;
  readonly dataDir: string;
  /** Its admin token and address. */
  readonly access: { readonly url: string; readonly adminToken: string };
  /** Of the process that serves; another one after each restart. */
  runtime(): number;
  nats(): number;
  readonly ended: Promise<number | null>;
}

/** What was started and has to be ended, also by whoever starts more of them. */
export const running: ChildProcess[] = [];

/** `bin/bailiwick up` in a process group of its own, as in a terminal. Resolves once it serves. */
export async function up(dataDir: string, port: number, more: readonly string[] = []): Promise<Up> {
  const args = [BIN, "up", "--json", "--port", String(port), "--data-dir", dataDir, ...more];
  const watchdog = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  running.push(watchdog);
  const ended = once(watchdog, "exit").then(([code]) => code as number | null);
  const node = () => JSON.parse(readFileSync(join(dataDir, "node.json"), "utf8")) as { pid: number };
  const url = `http://127.0.0.1:${port}`;
  watchdog.stdout!.resume();
  while (!(await isServing(url))) {
    if (watchdog.exitCode !== null) throw new Error(`the desk ended with ${watchdog.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    watchdog,
    url,
    dataDir,
    access: { url, adminToken: readFileSync(join(dataDir, "admin.token"), "utf8").trim() },
    ended,
    runtime: () => node().pid,
    nats: () => Number(readFileSync(join(dataDir, "nats", "nats-server.pid"), "utf8")),
  };
}

function isServing(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    (response) => response.ok,
    () => false,
  );
}

/** A port with somebody on it. */
export async function takenPort(): Promise<{ port: number; server: Server }> {
  const server = createServer((_request, response) => response.end("somebody else"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

/** A port that nobody is on. */
export async function freePort(): Promise<number> {
  const { port, server } = await takenPort();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A process and all that it started, and what these started. */
export function family(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has ended.
    }
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

/** Customers, shared out over the desks, who ask one question after the other; `disturb` happens when a third of all is answered. */
export async function converse(
  desks: readonly Up[],
  disturb: () => Promise<void> | void,
): Promise<ConversationDriver[]> {
  const patience = { replyMs: 60_000, unreachableMs: 120_000 };
  const drivers = Array.from(
    { length: CONVERSATIONS },
    (_, i) => new ConversationDriver(desks[i % desks.length]!.access, patience),
  );
  let answered = 0;
  let disturbed: Promise<void> | undefined;
  await Promise.all(
    drivers.map(async (driver) => {
      await driver.open({});
      for (const question of QUESTIONS) {
        await driver.send(question);
        if (++answered >= (CONVERSATIONS * QUESTIONS.length) / 3) disturbed ??= Promise.resolve(disturb());
        await driver.settled();
      }
    }),
  );
  expect(disturbed).toBeDefined();
  await disturbed;
  return drivers;
}

/** Each accepted message is in the log once, and answered once. */
export async function expectNothingLostOrDoubled(drivers: readonly ConversationDriver[]): Promise<void> {
  for (const driver of drivers) {
    const records = await driver.trace();
    await driver.close();
    expect(driver.sent.map((m) => m.text)).toEqual(QUESTIONS);
    const inLog = records.filter((r) => r.type === "customer.message").map((r) => r.id);
    expect(inLog).toEqual(driver.sent.map((m) => m.messageId));
    const answers = driver.replies.flatMap((reply) => reply.answers);
    expect(answers).toEqual(driver.sent.map((m) => m.messageId));
    expect(driver.repeated).toBe(0);
  }
}

/** Ends all that is left, with whatever they started. */
export function killAll(): void {
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    for (const pid of family(child.pid!).reverse()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
  }
}
