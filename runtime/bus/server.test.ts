import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findNatsServer } from "../config/nats-server.ts";
import { connectBus } from "./connection.ts";
import { DirectoryInUseError, processIdentity } from "./owner.ts";
import { EmbeddedServer, type EmbeddedServerOptions, type ServerExit } from "./server.ts";
import { ServerStartError } from "./server-config.ts";
import { type CompiledProgram, compileForNode } from "./testing-node.ts";

const binary = findNatsServer();
let dir: string;
const running: EmbeddedServer[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "bw-server-"));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((s) => s.stop()));
  rmSync(dir, { recursive: true, force: true });
});

async function start(options: Partial<EmbeddedServerOptions> = {}): Promise<EmbeddedServer> {
  const server = await EmbeddedServer.start({ binary, dir, name: "t", restartWaitMs: 20, ...options });
  running.push(server);
  return server;
}

const alive = (pid: number) => processIdentity(pid) !== undefined;
const bytes = (text: string) => Buffer.from(text);

describe("a running server", () => {
  it("keeps its secrets to this user and listens on loopback with credentials alone", async () => {
    const server = await start();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    const config = join(dir, "nats-server.conf");
    expect(statSync(config).mode & 0o777).toBe(0o600);
    expect(readFileSync(config, "utf8")).toContain('host: "127.0.0.1"');
    // Not left to the server: what it would take on a full disk is nothing, and it would start without its streams.
    const { blocks, bsize } = statfsSync(dir);
    expect(readFileSync(config, "utf8")).toContain(`max_file_store: ${blocks * bsize}\n`);
    expect(server.version).toMatch(/^\d+\.\d+\.\d+/);
    await expect(connectBus({ url: server.url, name: "t", timeoutMs: 2_000 })).rejects.toThrow(/credentials/);
  });

  it("keeps what was stored when it stops and starts again", async () => {
    const first = await start();
    const bus = await connectBus({ ...pick(first), name: "t" });
    await (await bus.kv("B")).put("k", bytes("kept"));
    await bus.close();
    const pid = first.pid!;
    await first.stop();
    await first.stop();
    expect(alive(pid)).toBe(false);
    expect(first.pid).toBeUndefined();

    const second = await start();
    const again = await connectBus({ ...pick(second), name: "t" });
    expect((await (await again.kv("B")).get("k"))?.value).toEqual(bytes("kept"));
    await again.close();
  });

  it("comes back on the same port when it was killed", async () => {
    const server = await start();
    const exits: ServerExit[] = [];
    server.onExit((e) => exits.push(e));
    const restarted = new Promise((resolve) => server.onRestart(resolve));
    const pid = server.pid!;
    process.kill(pid, "SIGKILL");
    expect(await restarted).not.toBe(pid);
    expect(exits).toEqual([expect.objectContaining({ code: 137, restarting: true })]);
    const bus = await connectBus({ ...pick(server), name: "t" });
    await bus.close();
  });

  it("comes back when only its guard was killed", async () => {
    const server = await start();
    const pid = server.pid!;
    const guard = Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[1]);
    const restarted = new Promise((resolve) => server.onRestart(resolve));
    process.kill(guard, "SIGKILL");
    expect(await restarted).not.toBe(pid);
    expect(alive(pid)).toBe(false);
  });

  it("is killed and started again when it stands still", async () => {
    const server = await start({ unhealthyAfterMs: 400 });
    const pid = server.pid!;
    const exits: ServerExit[] = [];
    server.onExit((e) => exits.push(e));
    const restarted = new Promise((resolve) => server.onRestart(resolve));
    process.kill(pid, "SIGSTOP");
    await restarted;
    expect(exits[0]!.complaint).toContain("did not answer for 400 ms");
    expect(alive(pid)).toBe(false);
    expect(server.pid).not.toBe(pid);
  });

  it("is given up after too many restarts", async () => {
    const server = await start({ maxRestarts: 2 });
    const exits: ServerExit[] = [];
    server.onExit((e) => exits.push(e));
    for (let i = 0; i < 3; i++) {
      await expect.poll(() => server.pid, { timeout: 10_000 }).toBeDefined();
      await expect.poll(() => alive(server.pid ?? 0)).toBe(true);
      const before = exits.length;
      // It may be back before anybody looks.
      const back = new Promise((resolve) => server.onRestart(resolve));
      process.kill(server.pid!, "SIGKILL");
      await expect.poll(() => exits.length).toBeGreaterThan(before);
      if (exits.at(-1)!.restarting) await back;
    }
    expect(exits.map((e) => e.restarting)).toEqual([true, true, false]);
  });
});

describe("what stands in the way of a start is said", () => {
  const failure = async (options: Partial<EmbeddedServerOptions>): Promise<ServerStartError> => {
    const error = await start(options).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(ServerStartError);
    return error as ServerStartError;
  };

  it("a missing binary, and one that is no server", async () => {
    expect(await failure({ binary: join(dir, "none") })).toMatchObject({ reason: "binary" });
    const wrong = join(dir, "wrong");
    writeFileSync(wrong, "#!/bin/sh\nexit 3\n");
    chmodSync(wrong, 0o755);
    expect((await failure({ binary: wrong })).message).toMatch(/does not run as a nats-server \(exit 3/);
  });

  it("a busy port", async () => {
    const other: Server = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const error = await failure({ port });
    expect(error).toMatchObject({ reason: "port" });
    expect(error.message).toContain(`port ${port} on 127.0.0.1 is in use`);
    other.close();
  });

  it("a directory that is a file", async () => {
    const file = join(dir, "file");
    writeFileSync(file, "");
    expect(await failure({ dir: join(file, "nats") })).toMatchObject({ reason: "directory" });
  });

  it("a disk that is nearly full", async () => {
    const error = await failure({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    expect(error).toMatchObject({ reason: "disk" });
    expect(error.message).toContain("--data-dir");
  });

  it("a setting that the server refuses, in its own words", async () => {
    const error = await failure({ maxPayload: 2 ** 40 });
    expect(error).toMatchObject({ reason: "failed" });
    expect(error.message).toMatch(/max_payload/);
  });

  it("another server of a living process; and the way is free after a failed start", async () => {
    const server = await start();
    await expect(start()).rejects.toThrow(DirectoryInUseError);
    expect(alive(server.pid!)).toBe(true);
    await server.stop();
    await failure({ maxPayload: 2 ** 40 });
    await start();
  });
});

describe("when its process is killed", () => {
  let program: CompiledProgram;
  beforeEach(async () => {
    program ??= await compileForNode("runtime/bus/server.fixture.ts");
    return () => program.remove();
  });

  async function run(): Promise<{ child: ChildProcess; said: Record<string, any> }> {
    const child = spawn(process.execPath, [program.file, dir], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
    return { child, said: JSON.parse(line) };
  }

  it("leaves no server behind, refuses a second one while it lives, and the next start finds everything", async () => {
    const first = await run();
    const second = await run();
    expect(second.said.error).toContain(`is in use by process ${first.child.pid}`);

    const bus = await connectBus({
      url: first.said.url,
      user: first.said.user,
      pass: first.said.pass,
      name: "t",
    });
    await (await bus.kv("B")).put("k", bytes("kept"));
    await bus.close();
    first.child.kill("SIGKILL");
    await once(first.child, "exit");

    // At once, while the guard may still be stopping the old one.
    const next = await start();
    expect(alive(first.said.pid)).toBe(false);
    const again = await connectBus({ ...pick(next), name: "t" });
    expect((await (await again.kv("B")).get("k"))?.value).toEqual(bytes("kept"));
    await again.close();
    await next.stop();

    const third = await run();
    third.child.kill("SIGKILL");
    await expect.poll(() => alive(third.said.pid), { timeout: 10_000 }).toBe(false);
    expect(existsSync(join(dir, "owner.json"))).toBe(true);
  });
});

function pick(server: EmbeddedServer): { url: string; user: string; pass: string } {
  return { url: server.url, user: server.user, pass: server.pass };
}
