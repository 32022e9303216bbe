/** A log and its bodies on a real server, written by an appender on whose way something may happen. For tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { address } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import { subjectsOf } from "../bus/index.ts";
import { startTestServer, type TestServer } from "../bus/testing.ts";
import type { Envelope, StoredRecord } from "../envelope.ts";
import { meddled } from "../host/testing.ts";
import { newId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import { Appender, type BodyOptions } from "./appender.ts";
import { Bodies } from "./bodies.ts";
import { openKeyRing, type WorkspaceKeyRing } from "./keyring.ts";
import { readRecord } from "./read.ts";
import { ensureStream, subjectsIn } from "./stream.ts";

export const names = subjectsOf("test");
/** Begins each text that `large` makes. */
export const SECRET = "Winterfeldtstr. 12";
export const large = (mark: string): JsonObject => ({ text: `${SECRET} ${mark} ${"x".repeat(70_000)}` });

export function record(data: JsonObject, to = "ada", id = newId()): Envelope {
  const from = address("test", "test");
  return { id, type: "said", from, to: address("counter", to), at: Date.now(), epoch: 0, clear: {}, data };
}

export class BodiesDesk {
  /** Called before each request that an appender makes, with its subject. */
  before: (subject: string) => Promise<void> | void = () => {};
  private constructor(
    readonly server: TestServer,
    readonly bus: Bus,
    readonly keys: WorkspaceKeyRing,
    readonly bodies: Bodies,
    readonly dir: string,
  ) {}

  static async start(): Promise<BodiesDesk> {
    const dir = mkdtempSync(join(tmpdir(), "bw-bodies-"));
    const server = await startTestServer();
    const bus = await server.connect();
    const keys = await openKeyRing({ bus, workspace: "test", dataDir: dir });
    await ensureStream(bus, names.logStream, [names.logAll]);
    const bodies = new Bodies(bus, names);
    await bodies.open();
    return new BodiesDesk(server, bus, keys, bodies, dir);
  }

  async stop(): Promise<void> {
    this.keys.close();
    await this.server.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  appender(body?: BodyOptions): Appender {
    const watched = meddled(this.bus, async (subject, send) => {
      await this.before(subject);
      return send();
    });
    const bodies = new Bodies(watched, names);
    return new Appender(watched, this.keys, { bodies, subject: names.log, partitions: 1, body });
  }

  /** Appends a record with a large body; answers its sequence. */
  async say(mark: string, to = "ada"): Promise<number> {
    return (await this.appender().append(record(large(mark), to))).seq;
  }

  read(seq: number): Promise<StoredRecord | undefined> {
    return readRecord({ bus: this.bus, stream: names.logStream, keys: this.keys, bodies: this.bodies }, seq);
  }

  /** Subjects of the bodies that there are. */
  async stored(): Promise<string[]> {
    return (await subjectsIn(this.bus, names.bodiesStream, names.bodyAll)).sort();
  }
}
