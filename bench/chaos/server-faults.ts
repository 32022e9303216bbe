/**
 * What went wrong in runs and is nats-server's own: made again here by nothing but its protocol, without our code. It is listed
 * apart from what the runs find, with the version that it was seen at.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../harness/ports.ts";

const MAX_BYTES = 10_000;
const START_MS = 15_000;

/** The faults that this server has, a sentence each. */
export async function faultsOf(binary: string): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), "bailiwick-server-faults-"));
  const port = await freePort();
  const config = join(dir, "nats.conf");
  writeFileSync(config, `host: 127.0.0.1\nport: ${port}\njetstream { store_dir: ${JSON.stringify(dir)} }\n`);
  const server = spawn(binary, ["-c", config], { stdio: "ignore" });
  const ended = new Promise((resolve) => server.once("close", resolve));
  let wire: Wire | undefined;
  try {
    wire = await Wire.open(port);
    const dropped = await droppedWhenFull(wire);
    if (dropped === 0) return [];
    return [
      `a stream that refuses what is new (discard: new) at its max_bytes has deleted ${dropped} records that it had acknowledged`,
    ];
  } finally {
    wire?.close();
    server.kill("SIGKILL");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Fills a stream up; answers how many of the acknowledged records it does not have any more. */
async function droppedWhenFull(wire: Wire): Promise<number> {
  const config = {
    name: "S",
    subjects: ["s"],
    retention: "limits",
    storage: "file",
    discard: "new",
    max_bytes: MAX_BYTES,
  };
  await wire.request("$JS.API.STREAM.CREATE.S", JSON.stringify(config));
  let acknowledged = 0;
  // Of many lengths, because it depends on how little is left.
  for (let i = 0; i < 200; i++) {
    const { error } = await wire.request("s", "x".repeat(100 + (i % 37)));
    if (!error) acknowledged++;
  }
  const { state } = await wire.request("$JS.API.STREAM.INFO.S");
  return acknowledged - state.messages;
}

/** As much of the protocol as this needs: one request at a time. */
class Wire {
  readonly #socket: Socket;
  #text = "";
  #waiting: ((answer: any) => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("data", (data) => this.#take(data.toString("latin1")));
    socket.write('CONNECT {"verbose":false,"headers":true}\r\nSUB answers 1\r\n');
  }

  static async open(port: number): Promise<Wire> {
    const end = performance.now() + START_MS;
    for (;;) {
      const socket = await new Promise<Socket | undefined>((resolve) => {
        const trying = connect(port, "127.0.0.1");
        trying.once("connect", () => resolve(trying));
        trying.once("error", () => resolve(undefined));
      });
      if (socket) return new Wire(socket);
      if (performance.now() > end) throw new Error(`nats-server did not listen within ${START_MS} ms`);
      await sleep(50);
    }
  }

  request(subject: string, body = ""): Promise<any> {
    const answer = new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error("nats-server has closed the connection"));
      this.#socket.once("close", gone);
      this.#waiting.push((value) => {
        this.#socket.off("close", gone);
        resolve(value);
      });
    });
    this.#socket.write(`PUB ${subject} answers ${Buffer.byteLength(body)}\r\n${body}\r\n`);
    return answer;
  }

  close(): void {
    this.#socket.removeAllListeners("close").destroy();
  }

  #take(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf("\r\n"); end >= 0; end = this.#text.indexOf("\r\n")) {
      const line = this.#text.slice(0, end);
      if (line.startsWith("MSG ")) {
        const length = Number(line.slice(line.lastIndexOf(" ")));
        if (this.#text.length < end + length + 4) return;
        this.#waiting.shift()?.(JSON.parse(this.#text.slice(end + 2, end + 2 + length)));
        this.#text = this.#text.slice(end + length + 4);
        continue;
      }
      this.#text = this.#text.slice(end + 2);
      if (line === "PING") this.#socket.write("PONG\r\n");
    }
  }
}
