/** For tests: a memory over a real stream, as each node of a workspace has one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "../../runtime/bus/index.ts";
import { startTestServer, type TestServer } from "../../runtime/bus/testing.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Operation } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { openKeyRing, type WorkspaceKeyRing } from "../../runtime/log/keyring.ts";
import { streamState } from "../../runtime/log/stream.ts";
import { type Memory, type MemoryOptions, openMemory } from "../index.ts";
import { HandClock } from "../testing.ts";

/** The directory, bus and keys of a node; its memory is opened and closed at will. */
export class TestNode {
  readonly warnings: string[] = [];
  memory!: Memory;
  #asks = 0;

  private constructor(
    readonly dir: string,
    readonly bus: Bus,
    readonly keys: WorkspaceKeyRing,
    readonly clock: Clock | undefined,
  ) {}

  /** @param dataDir that of another node, whose workspace key it shares */
  static async start(server: TestServer, dataDir: string, clock?: Clock): Promise<TestNode> {
    const bus = await server.connect();
    const keys = await openKeyRing({ bus, workspace: "main", dataDir });
    return new TestNode(mkdtempSync(join(tmpdir(), "bw-node-")), bus, keys, clock);
  }

  async open(
    stream: Partial<MemoryOptions["stream"]> | "none" = {},
    more: Partial<MemoryOptions> = {},
  ): Promise<Memory> {
    const warn = (message: string): void => void this.warnings.push(message);
    this.memory = await openMemory({
      dir: join(this.dir, "memory"),
      keys: this.keys,
      knowledgeDirs: [],
      clock: this.clock,
      ...more,
      stream: stream === "none" ? undefined : { bus: this.bus, workspace: "main", warn, ...stream },
    });
    return this.memory;
  }

  async ask(operation: string, input: JsonObject, key = `${this.dir} ${this.#asks++}`): Promise<any> {
    const service = this.memory.services.find(({ name }) => name === "memory")!;
    const context = { idempotencyKey: key, deadline: 0, signal: new AbortController().signal };
    return (service.operations[operation] as Operation)(input, context);
  }

  get health(): any {
    return this.memory.services.find(({ name }) => name === "memory")!.health!();
  }

  /** Until this node's copy has all that is in the stream. @throws after 20 s */
  async caughtUp(): Promise<void> {
    const { lastSeq } = await this.state();
    for (const end = Date.now() + 20_000; (this.memory.progress?.applied ?? 0) < lastSeq; ) {
      if (Date.now() > end) throw new Error(`not caught up: ${JSON.stringify(this.memory.progress)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async state(): Promise<{ lastSeq: number; messages: number }> {
    return streamState(this.bus, "BW_main_MEMORY");
  }

  async contents(): Promise<Record<string, string>> {
    const all: Record<string, string> = {};
    for await (const [place, line] of this.memory.contents()) all[place] = line;
    return all;
  }

  /** As a disk that is lost. */
  lose(): void {
    rmSync(join(this.dir, "memory"), { recursive: true, force: true });
  }

  async end(): Promise<void> {
    await this.memory?.close().catch(() => {});
    this.keys.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Two nodes of one workspace on a server of their own, with a clock that is set by hand. */
export class TwoNodes {
  readonly clock = new HandClock(Date.UTC(2026, 5, 1));
  readonly #dataDir = mkdtempSync(join(tmpdir(), "bw-keys-"));
  one!: TestNode;
  two!: TestNode;

  readonly #server: TestServer;

  private constructor(server: TestServer) {
    this.#server = server;
  }

  static async start(): Promise<TwoNodes> {
    const self = new TwoNodes(await startTestServer());
    self.one = await self.another();
    self.two = await self.another();
    return self;
  }

  /** One more, which is the caller's to end. */
  another(): Promise<TestNode> {
    return TestNode.start(this.#server, this.#dataDir, this.clock);
  }

  async end(): Promise<void> {
    await this.one?.end();
    await this.two?.end();
    await this.#server.stop();
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}

export const DAY = 86_400_000;

export function fact(text: string, more: JsonObject = {}): JsonObject {
  return { customer: "ada", conversation: "c1", type: "note", text, ...more };
}

/** @param at when the first was said, ms since the epoch */
export function turnsAt(at: number, conversation: string, ...texts: string[]): JsonObject {
  const turns = texts.map((text, turn) => ({ turn, at: at + turn, text, reply: `re: ${text}` }));
  return { conversation, customer: "ada", turns };
}

export function summary(conversation: string, text: string, more: JsonObject = {}): JsonObject {
  return { conversation, text, outcome: "resolved", ...more };
}

export async function somethingOfEverything(node: TestNode, clock: HandClock): Promise<void> {
  await node.ask("remember", fact("12 Elm Street", { type: "address" }));
  clock.time += DAY;
  await node.ask("remember", fact("3 Oak Avenue", { type: "address" }));
  await node.ask("remember", fact("likes tea", { ttlMs: 30 * DAY }));
  await node.ask("turns", {
    ...turnsAt(clock.now(), "c0", "hello"),
    customer: undefined,
  } as unknown as JsonObject);
  await node.ask("turns", turnsAt(clock.now(), "c1", "my kettle leaks", "thanks"));
  await node.ask("summarise", summary("c0", "Said hello.", { outcome: "abandoned" }));
  await node.ask("summarise", summary("c1", "A leaking kettle.", { customer: "ada" }));
  await node.ask("hold", { customer: "bob", reason: "case 17" });
}
