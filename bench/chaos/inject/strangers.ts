/** Faults of others on the bus: records that nobody can read, readers that do not read, records that come again. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parseAddress, partitionOf } from "../../../runtime/address.ts";
import type { Bus } from "../../../runtime/bus/index.ts";
import { HEADER_ID, HEADER_TO } from "../../../runtime/log/codec.ts";
import { messageAt } from "../../../runtime/log/stream.ts";
import type { Inject } from "./injection.ts";

/** Publishes into the log without a node; answers the place, or undefined when it was not taken. */
async function publish(
  bus: Bus,
  subject: string,
  data: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  for (let i = 0; i < 20; i++) {
    try {
      const reply = await bus.request(subject, data, { headers, timeoutMs: 2_000 });
      const { seq, error, duplicate } = JSON.parse(Buffer.from(reply.data).toString("utf8"));
      if (!error) return duplicate ? undefined : seq;
    } catch {
      // Perhaps it was taken, and is no one's to judge then: what is not a record harms nobody.
    }
    await sleep(200);
  }
  return undefined;
}

interface Malformed {
  readonly what: string;
  readonly data: Uint8Array;
  readonly to: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly wrongPartition?: boolean;
}

function malformed(fault: string, to: string, sealed: string): Malformed[] {
  const wire = (id: string, changes: object) =>
    Buffer.from(
      JSON.stringify({
        v: 1,
        id: `${fault}-${id}`,
        type: "message",
        from: "customer/x/x",
        to,
        at: Date.now(),
        epoch: 0,
        clear: {},
        sealed,
        ...changes,
      }),
    );
  return [
    { what: "nothing", data: Buffer.alloc(0), to },
    { what: "no JSON", data: Buffer.from("hello"), to },
    { what: "no UTF-8", data: Buffer.from([0x22, 0xff, 0xfe, 0x22]), to },
    { what: "another version", data: wire("v", { v: 2 }), to },
    { what: "no sealed part", data: wire("s", { sealed: undefined }), to },
    { what: "no address", data: wire("a", { to: "nobody" }), to },
    { what: "time that is none", data: wire("t", { at: "now" }), to },
    { what: "nested without end", data: Buffer.from(`${"[".repeat(20_000)}`), to },
    { what: "another's sealed part", data: wire("o", {}), to },
    { what: "of another partition", data: wire("p", {}), to, wrongPartition: true },
    { what: "of no kind that is known", data: wire("k", { to: "stranger/c0/c0" }), to: "stranger/c0/c0" },
    {
      what: "headers that lie",
      data: wire("h", {}),
      to,
      headers: { [HEADER_ID]: `${fault}-other`, [HEADER_TO]: "talk/c1/c1" },
    },
  ];
}

export const malformedEnvelope: Inject = async ({ site, notes, random, fault }) => {
  const bus = await site.connect("stranger");
  const messages = site.tail.records.filter(({ to }) => to.startsWith("talk/"));
  if (messages.length === 0) return { endedAt: Date.now(), how: "nobody had said anything yet" };
  const { to: victim } = random.pick(messages);
  const known = random.pick(messages);
  const copied = await messageAt(bus, site.names.logStream, known.seq).catch(() => undefined);
  const { sealed = "AAAA" } = copied ? JSON.parse(Buffer.from(copied.data).toString("utf8")) : {};
  const name = fault.seed.replace(/[^A-Za-z0-9]+/g, "-").slice(-40);
  for (const { what, data, to, headers, wrongPartition } of malformed(`x${name}`, victim, sealed)) {
    const partition = partitionOf(parseAddress(to).key, site.partitions);
    const subject = site.names.log(wrongPartition ? (partition + 1) % site.partitions : partition);
    const seq = await publish(bus, subject, data, headers);
    if (seq !== undefined) notes.foreign.push({ seq, what });
  }
  await bus.close();
  return { endedAt: Date.now() };
};

const SLOW_READERS = 10;

/** They subscribe to everything and read nothing: the server has to get rid of them by itself. */
export const slowReader: Inject = async ({ site: { servers }, random }) => {
  const { port, user, pass } = servers;
  const readers = Array.from({ length: SLOW_READERS }, () => {
    const socket = connect({ host: "127.0.0.1", port, readableHighWaterMark: 1 } as never);
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.pause();
      socket.write(`CONNECT ${JSON.stringify({ verbose: false, user, pass })}\r\nSUB > 1\r\n`);
    });
    return socket;
  });
  await sleep(random.between(3_000, 5_000));
  for (const socket of readers) socket.destroy();
  return { endedAt: Date.now() };
};

const REPEATED = 30;

/** Customers say again what was accepted, and records come again when JetStream has forgotten their ids. */
export const duplicates: Inject = async ({ site, load, random }) => {
  const bus = await site.connect("repeater");
  const { logStream } = site.names;
  const old = Date.now() - site.duplicateWindowMs * 1.5;
  const forgotten = site.tail.records.filter(({ at }) => at < old);
  // Whatever it is: messages, asks, answers, timers, replies; and among them surely some that a machine folds.
  const folded = forgotten.filter(({ type, to }) => type === "message" && to.startsWith("talk/"));
  for (let i = 0; i < REPEATED && forgotten.length > 0; i++) {
    const { seq } = random.pick(i % 3 === 0 && folded.length > 0 ? folded : forgotten);
    const message = await messageAt(bus, logStream, seq).catch(() => undefined);
    const subject = message?.header("Nats-Subject");
    if (!message || !subject) continue;
    const headers = Object.fromEntries(
      [HEADER_ID, HEADER_TO].flatMap((name) => {
        const value = message.header(name);
        return value === undefined ? [] : [[name, value]];
      }),
    );
    await publish(bus, subject, message.data, headers);
  }
  const accepted = load.messages.filter(({ acceptedAt }) => acceptedAt !== undefined);
  const again = Array.from({ length: Math.min(REPEATED, accepted.length) }, () => random.pick(accepted));
  await Promise.all(
    again.flatMap(({ id, to }) =>
      [0, 1].map(() => random.pick(site.nodes).client.send({ id, type: "message", to, data: {} })),
    ),
  );
  await bus.close();
  return { endedAt: Date.now() };
};
