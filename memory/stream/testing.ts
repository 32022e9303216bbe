/** For tests: a memory over a real stream, as each node of a workspace has one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "../../runtime/bus/index.ts";
import type { TestServer } from "../../runtime/bus/testing.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Operation } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { openKeyRing, type WorkspaceKeyRing } from "../../runtime/log/keyring.ts";
import { streamState } from "../../runtime/log/stream.ts";
import { type Memory, type MemoryOptions, openMemory } from "../index.ts";

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
