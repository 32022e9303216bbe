/**
 * Whether the copies that three servers keep of one stream come apart by themselves: writers that expect a revision, some of
 * them what is not there any more or a second time, while one server after the other is killed and comes back. By the client
 * library alone, without our code.
 *
 * Seen at nats-server 2.9.10: a server that comes back goes through what it had agreed on since its last snapshot. Writes that
 * were refused there have used up numbers; it forgot how many, so that it takes as many of the last writes for new. Of those it
 * stores again whose message was replaced since, because their ids are not known any more. From then on its copy is longer for
 * good, and whoever reads there sees other sequences than the leader has.
 *
 * So it takes refused writes, and not any: a wrong revision above 0 is turned away by the leader before the servers agree on
 * it. A repetition, or the revision 0 ("not there yet") of what is there, is refused by each copy for itself. Without these it
 * comes only by chance: where writers meet at a key's first message, or a busy machine makes them repeat themselves.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, headers, type NatsConnection } from "nats";
import { freePorts } from "../harness/ports.ts";
import { Random } from "../rehydration/random/random.ts";

const COUNT = 3;
const STREAM = {
  name: "S",
  subjects: ["k.*"],
  storage: "file",
  num_replicas: COUNT,
  max_msgs_per_subject: 1,
  allow_direct: true,
  discard: "new",
};
const KEYS = ["a", "b", "c", "d", "e", "f", "g", "h"] as const;
const WRITES = 25;
const DEAD_MS = 500;
/** A server looks once a second whether its own copy is current; until then another one answers for it. */
const SETTLE_MS = 1_500;
const START_MS = 20_000;
const REQUEST_MS = 2_000;

export interface CopiesOptions {
  /** Servers that are killed at most. Default 20. */
  readonly kills?: number;
  /** No server is killed after this time, ms. Default 120,000. */
  readonly withinMs?: number;
  /** What the writes and the choice of servers follow from. Default "1". */
  readonly seed?: string;
}

/** What became of the copies within so many kills, a sentence; undefined when they stayed the same. */
export async function copiesApart(binary: string, options: CopiesOptions = {}): Promise<string | undefined> {
  const { kills = 20, withinMs = 120_000, seed = "1" } = options;
  const dir = mkdtempSync(join(tmpdir(), "bailiwick-server-copies-"));
  const trio = new Trio(binary, dir, await freePorts(2 * COUNT), new Random(seed));
  const end = performance.now() + withinMs;
  try {
    await trio.start();
    for (let kill = 1; kill <= kills && performance.now() < end; kill++) {
      await trio.write();
      await trio.killOne();
      const seen = await trio.whereIsTheEnd();
      if (new Set(seen).size > 1)
        return `the copies of a stream came apart after ${kill} kill${kill > 1 ? "s" : ""}: the same last message is at ${seen.join(", ")}`;
    }
    return undefined;
  } finally {
    await trio.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

class Trio {
  readonly #binary: string;
  readonly #dir: string;
  readonly #ports: readonly number[];
  readonly #random: Random;
  readonly #processes: ChildProcess[] = [];
  readonly #connections: NatsConnection[] = [];
  #ids = 0;
  /** Id of the message that was written last. */
  #end = "";

  constructor(binary: string, dir: string, ports: readonly number[], random: Random) {
    this.#binary = binary;
    this.#dir = dir;
    this.#ports = ports;
    this.#random = random;
  }

  async start(): Promise<void> {
    for (let i = 0; i < COUNT; i++) this.#launch(i);
    const end = performance.now() + START_MS;
    for (let i = 0; i < COUNT; i++) {
      const servers = `127.0.0.1:${this.#ports[i]}`;
      const options = { servers, maxReconnectAttempts: -1, reconnectTimeWait: 100, waitOnFirstConnect: true };
      this.#connections.push(await connect(options));
    }
    for (;;) {
      const { error } = await this.#ask(0, "$JS.API.STREAM.CREATE.S", JSON.stringify(STREAM));
      if (!error) return;
      if (performance.now() > end) throw new Error(`three servers made no stream: ${error.description}`);
      await sleep(200);
    }
  }

  /** Writers side by side, each on what it has read at some server. */
  async write(): Promise<void> {
    const under: Promise<void>[] = [];
    for (let i = 0; i < WRITES; i++) {
      under.push(this.#writeOne(this.#random.pick(KEYS)));
      if (this.#random.chance(1 / 3)) await Promise.all(under.splice(0));
    }
    await Promise.all(under);
  }

  async #writeOne(key: string): Promise<void> {
    const { seq } = await this.#last(this.#any(), key);
    await this.#put(key, this.#id(), seq);
    // As who takes what he believes to be free.
    if (this.#random.chance(1 / 4)) await this.#put(key, this.#id(), 0);
    const id = this.#id();
    await this.#put("all", id);
    // As who did not hear that it was accepted.
    if (this.#random.chance(1 / 4)) await this.#put("all", id);
  }

  /** Kills a server, waits until it is back and all copies are said to be current, and writes a last message. */
  async killOne(): Promise<void> {
    const victim = this.#any();
    const other = (victim + 1) % COUNT;
    this.#processes[victim]!.kill("SIGKILL");
    await sleep(DEAD_MS);
    this.#launch(victim);
    const end = performance.now() + START_MS;
    for (let current = false; !current && performance.now() < end; await sleep(100)) {
      const { cluster } = await this.#ask(other, "$JS.API.STREAM.INFO.S");
      const copies: { current?: boolean; offline?: boolean }[] = cluster?.replicas ?? [];
      current =
        cluster?.leader && copies.length === COUNT - 1 && copies.every((c) => c.current && !c.offline);
    }
    this.#end = this.#id();
    await this.#put("end", this.#end);
    await sleep(SETTLE_MS);
  }

  /**
   * The sequence of the last message in each copy: who is asked answers from his own. A copy that is only behind does not
   * count: it is asked until it has the message, and left out when it does not get it.
   */
  async whereIsTheEnd(): Promise<number[]> {
    const copies = this.#connections.map(async (_, i) => {
      const until = performance.now() + START_MS;
      for (;;) {
        const { id, seq } = await this.#last(i, "end");
        if (id === this.#end) return [seq];
        if (performance.now() > until) return [];
        await sleep(100);
      }
    });
    return (await Promise.all(copies)).flat();
  }

  async stop(): Promise<void> {
    for (const process of this.#processes) process.kill("SIGKILL");
    await Promise.all(this.#connections.map((connection) => connection.close().catch(() => {})));
  }

  #any(): number {
    return this.#random.between(0, COUNT - 1);
  }

  #id(): string {
    return `m${this.#ids++}`;
  }

  #launch(i: number): void {
    const dir = join(this.#dir, `s${i}`);
    mkdirSync(dir, { recursive: true });
    const routes = this.#ports.slice(COUNT).map((port) => `nats-route://127.0.0.1:${port}`);
    const config = `server_name: s${i}
host: "127.0.0.1"
port: ${this.#ports[i]}
jetstream { store_dir: ${JSON.stringify(dir)} }
cluster { name: copies, host: "127.0.0.1", port: ${this.#ports[COUNT + i]}, routes: ${JSON.stringify(routes)} }
`;
    writeFileSync(join(dir, "nats.conf"), config);
    this.#processes[i] = spawn(this.#binary, ["-c", join(dir, "nats.conf")], { stdio: "ignore" });
  }

  async #put(key: string, id: string, expected?: number): Promise<void> {
    const h = headers();
    h.set("Nats-Msg-Id", id);
    if (expected !== undefined) h.set("Nats-Expected-Last-Subject-Sequence", String(expected));
    await this.#request(this.#any(), `k.${key}`, id, h);
  }

  async #last(i: number, key: string): Promise<{ readonly id: string; readonly seq: number }> {
    const answer = await this.#request(i, `$JS.API.DIRECT.GET.S.k.${key}`);
    return { id: answer.string(), seq: Number(answer.headers?.get("Nats-Sequence") || 0) };
  }

  async #ask(i: number, subject: string, body = ""): Promise<any> {
    return (await this.#request(i, subject, body)).json();
  }

  /** Tried until somebody answers: a server, or the stream's leader, may be on its way back. */
  async #request(i: number, subject: string, body = "", h = headers()) {
    const end = performance.now() + START_MS;
    for (;;) {
      try {
        return await this.#connections[i]!.request(subject, body, { timeout: REQUEST_MS, headers: h });
      } catch (error) {
        if (performance.now() > end) throw error;
        await sleep(100);
      }
    }
  }
}
