/**
 * A memory is written to and its process killed, again and again. After each time, what the node has made of the stream has to be
 * what somebody gets who folds the stream from its beginning, and nothing that was said to be kept may be missing.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type Memory, openMemory } from "../../memory/index.ts";
import { type Bus, connectBus, EmbeddedServer, subjectsOf } from "../../runtime/bus/index.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import { openKeyRing } from "../../runtime/log/keyring.ts";
import type { KeyRing } from "../../runtime/log/sealer.ts";
import { streamState } from "../../runtime/log/stream.ts";
import { Random } from "../rehydration/random/random.ts";
import { type Acknowledged, WORKSPACE, type WriterPlace } from "./words.ts";

export interface RecoveryOptions {
  /** JavaScript file of the process that writes. */
  readonly entry: string;
  readonly kills: number;
  readonly seed: string;
  readonly onKill?: (kill: Kill) => void;
}

export interface Kill {
  /** Events in the stream. */
  readonly events: number;
  /** Sequence up to which the killed node had noted that it is. */
  readonly position: number;
  /** Lines in which the node's copy differs from the stream folded anew. */
  readonly differences: readonly string[];
  /** What the memory had said is kept, and is not. */
  readonly lost: number;
  readonly acknowledged: number;
  /** Erasures in the middle of which it was killed: they are gone on with before the two are compared. */
  readonly interrupted: number;
  /** Events folded a second when all were. */
  readonly foldedPerSecond: number;
}

/** The process is killed so long after it has begun to write, ms. */
const EARLIEST_MS = 100;
const LATEST_MS = 1_500;
const CATCH_UP_MS = 300_000;
const SHOWN = 3;

export async function recovery({ entry, kills, seed, onKill }: RecoveryOptions): Promise<Kill[]> {
  const home = await mkdtemp(join(tmpdir(), "bailiwick-recovery-"));
  const [dataDir, dir] = [join(home, "data"), join(home, "memory")];
  await mkdir(dataDir);
  const server = await EmbeddedServer.start({
    binary: findNatsServer(),
    dir: join(home, "nats"),
    name: "bench",
    jetstream: { maxFile: 4 * 1024 ** 3 },
  });
  const bus = await connectBus({ url: server.url, user: server.user, pass: server.pass, name: "bench" });
  const keys = await openKeyRing({ bus, workspace: WORKSPACE, dataDir });
  const random = new Random(seed);
  const done: Kill[] = [];
  const kept = new Map<string, Acknowledged>();
  try {
    for (let n = 0; n < kills; n++) {
      const { url, user, pass } = server;
      const place = { url, user, pass, dir, dataDir, seed: `${seed} ${n}`, round: n };
      for (const each of await writtenUntilKilled(entry, place, random.between(EARLIEST_MS, LATEST_MS)))
        kept.set(placeOf(each), each);
      const fresh = join(home, `fresh-${n}`);
      const kill = await examined({ bus, keys, dir, fresh }, kept);
      await rm(fresh, { recursive: true, force: true });
      done.push(kill);
      onKill?.(kill);
    }
    return done;
  } finally {
    keys.close();
    await bus.close();
    await server.stop();
    await rm(home, { recursive: true, force: true });
  }
}

/** What the process had said is kept when it was killed. */
async function writtenUntilKilled(entry: string, place: WriterPlace, ms: number): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, [entry, JSON.stringify(place)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said: Acknowledged[] = [];
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-1_000);
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const begun = once(lines, "line");
  lines.on("line", (line) => {
    // A line that the kill has cut off was not said.
    if (line.endsWith("}")) said.push(JSON.parse(line) as Acknowledged);
  });
  const over = once(lines, "close");
  await Promise.race([begun, exited]);
  if (child.exitCode !== null) throw new Error(`the process that writes ended by itself: ${words.trim()}`);
  await sleep(ms);
  child.kill("SIGKILL");
  await exited;
  await over;
  return said;
}

interface Place {
  readonly bus: Bus;
  readonly keys: KeyRing;
  readonly dir: string;
  readonly fresh: string;
}

/** Looks at the node's copy as it comes back, beside one that is folded from the beginning. */
export async function examined(
  { bus, keys, dir, fresh }: Place,
  kept: ReadonlyMap<string, Acknowledged>,
): Promise<Kill> {
  const stream = { bus, workspace: WORKSPACE };
  const own = await openMemory({ dir, keys, knowledgeDirs: [], stream });
  const position = own.progress!.applied;
  const begun = performance.now();
  const anew = await openMemory({ dir: fresh, keys, knowledgeDirs: [], stream });
  try {
    const { lastSeq, messages } = await streamState(bus, subjectsOf(WORKSPACE).memoryStream);
    await caughtUp(anew, lastSeq);
    const foldedPerSecond = Math.round((messages / (performance.now() - begun)) * 1_000);
    await caughtUp(own, lastSeq);
    const interrupted = await own.finishErasures();
    const after = await streamState(bus, subjectsOf(WORKSPACE).memoryStream);
    await Promise.all([own, anew].map((each) => caughtUp(each, after.lastSeq)));
    const [one, other] = [await contentsOf(own), await contentsOf(anew)];
    const differences = [...new Set([...one.keys(), ...other.keys()])].filter(
      (place) => one.get(place) !== other.get(place),
    );
    let lost = 0;
    for (const [place, { customer }] of kept)
      if (!one.has(place) && !(await keys.isDestroyed(customer))) lost++;
    return {
      events: messages,
      position,
      differences: differences
        .slice(0, SHOWN)
        .map((place) => `${place}: ${one.get(place)} | ${other.get(place)}`),
      lost,
      acknowledged: kept.size,
      interrupted,
      foldedPerSecond,
    };
  } finally {
    await own.close();
    await anew.close();
  }
}

async function caughtUp(memory: Memory, seq: number): Promise<void> {
  for (const end = performance.now() + CATCH_UP_MS; memory.progress!.applied < seq; await sleep(5))
    if (performance.now() > end)
      throw new Error(`the memory does not come to ${seq}: ${JSON.stringify(memory.progress)}`);
}

async function contentsOf(memory: Memory): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  for await (const [place, line] of memory.contents()) all.set(place, line);
  return all;
}

function placeOf(said: Acknowledged): string {
  return "fact" in said ? `fact ${said.customer} ${said.fact}` : `turn ${said.conversation} ${said.turn}`;
}
