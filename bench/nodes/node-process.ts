/** Entry of one node of the bench: the engine with the bench's machine, and a channel to the bench in place of a gateway. */
import { join } from "node:path";
import { address } from "../../runtime/address.ts";
import { connectBus } from "../../runtime/bus/index.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";
import type { ActorDefinition } from "../../runtime/host/definition.ts";
import type { Service } from "../../runtime/host/service.ts";
import { newId } from "../../runtime/ids.ts";
import { openKeyRing } from "../../runtime/log/keyring.ts";
import { Node } from "../../runtime/node.ts";
import { turnsWith } from "../engine/turn-machine.ts";
import type { FromNode, NodeSettings, ToNode } from "./protocol.ts";

const WORKSPACE = "bench";
const SENDER = address("bench", "bench");
/** Appends under way at once while conversations are made known. */
const FILLING = 64;
/** Replies say which message they answer. */
const echoing = turnsWith({ asked: (text) => ({ text }), reply: (_intent, { text }) => String(text) });
/** Replies are seen live, so theirs has to be known as a sink. */
const channel: ActorDefinition = {
  kind: "channel",
  version: 1,
  machine: echoing[0]!.machine,
  sink: true,
};
const service: Service = {
  name: "bench",
  operations: { lookup: async ({ text }) => ({ text: text! }) },
};

if (!process.send) throw new Error("node-process is started by the bench only, not by hand");
const { name, url, user, pass, dataDir, ttlMs } = JSON.parse(process.argv[2] ?? "") as NodeSettings;
process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => {});

const bus = await connectBus({ url, user, pass, name });
const keys = await openKeyRing({ bus, workspace: WORKSPACE, dataDir });
const node = await Node.start({
  bus,
  keys,
  workspace: WORKSPACE,
  dir: join(dataDir, "engine"),
  definitions: [...echoing, channel],
  services: [service],
  policy: { maxAttempts: 3, backoffMs: () => 50 },
  log: {
    warn: (message, details) => console.error(name, message, JSON.stringify(details)),
    error: (message, details) => console.error(name, message, JSON.stringify(details)),
  },
  // Ids that come again have to get into the log, where the node finds them: the server forgets them at once.
  stream: { duplicateWindowMs: 100 },
  cluster: { node: name, holder: dataDir, ttlMs },
});
const following = new Map<string, () => void>();
tell({ kind: "ready" });

process.on("message", (message: ToNode) => {
  if (message.kind === "follow") follow(message.key, message.after);
  else if (message.kind === "unfollow") {
    following.get(message.key)?.();
    following.delete(message.key);
  } else if (message.kind === "stop") void stop();
  else {
    answer(message).then(
      (value) => tell({ kind: "answer", ref: message.ref, value }),
      (error) => tell({ kind: "refused", ref: message.ref, why: String((error as Error)?.name) }),
    );
  }
});

async function answer(message: Exclude<ToNode, { kind: "follow" | "unfollow" | "stop" }>): Promise<unknown> {
  switch (message.kind) {
    case "append": {
      const to = address("turns", message.key);
      const { seq, duplicate } = await node.append({
        id: message.id,
        type: "message",
        from: SENDER,
        to,
        data: { text: message.id },
      });
      return { seq, duplicate };
    }
    case "fill":
      return fill(message.from, message.count);
    case "owned":
      return message.keys.filter((key) => node.isHere(address("turns", key)));
    case "replies":
      return (await node.records(address("channel", message.key))).map((r) => String(r.data.text));
  }
}

/** As a stream of events resumes: live first, then what was before, each once. */
function follow(key: string, after: number): void {
  let last = after;
  let waiting: StoredRecord[] | undefined = [];
  const show = (record: StoredRecord): void => {
    if (record.seq <= last) return;
    last = record.seq;
    tell({ kind: "reply", key, seq: record.seq, to: String(record.data.text) });
  };
  following.get(key)?.();
  following.set(
    key,
    node.follow(key, (record) => (waiting ? waiting.push(record) : show(record))),
  );
  void node.records(address("channel", key), after).then((records) => {
    for (const record of [...records, ...(waiting ?? [])]) show(record);
    waiting = undefined;
  });
}

async function fill(from: number, count: number): Promise<number> {
  let next = from;
  const worker = async (): Promise<void> => {
    while (next < from + count) {
      const key = `known-${next++}`;
      const to = address("turns", key);
      for (;;) {
        try {
          await node.append({ id: newId(), type: "noted", from: SENDER, to });
          break;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    }
  };
  await Promise.all(Array.from({ length: FILLING }, worker));
  return count;
}

async function stop(): Promise<void> {
  await node.stop();
  await keys.close();
  await bus.close();
  process.exit(0);
}

function tell(message: FromNode): void {
  process.send?.(message);
}
