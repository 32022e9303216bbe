/**
 * The floor: a handler by hand over NATS, as its documentation has it. A durable consumer hands messages over one conversation after
 * the other; what is kept of a conversation and the reply are acknowledged by JetStream before the message is.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AckPolicy, connect, nuid } from "nats";
import { serveTurns } from "../../../dist/bench/peers/turns.js";
import { classify, lookUp, orderIn, replyTo } from "../../../dist/bench/support-turn.js";
import { EmbeddedServer } from "../../../dist/runtime/bus/index.js";
import { findNatsServer } from "../../../dist/runtime/config/nats-server.js";

const MESSAGES = "FLOOR_MESSAGES";
const STATES = "FLOOR_STATES";
/** Messages that are handed over and not acknowledged. */
const UNDER_WAY = 256;
/** One that was not acknowledged is handed over again, ms. */
const AGAIN_MS = 1_000;

/** The handler, in a process of its own. */
async function handle({ url, user, pass }) {
  const nc = await connect({ servers: url, user, pass });
  const js = nc.jetstream();
  const states = new Map();
  const consumer = await js.consumers.get(MESSAGES, "handler");
  const messages = await consumer.consume({ max_messages: UNDER_WAY });
  const chains = new Map();
  process.send("ready");
  for await (const message of messages) {
    const conversation = message.subject.split(".")[1];
    const mine = (chains.get(conversation) ?? Promise.resolve()).then(async () => {
      const { id, text } = message.json();
      const known = states.get(conversation) ?? (await stateOf(js, conversation));
      const intent = classify(text);
      const reply = replyTo(intent, lookUp(orderIn(text)));
      const state = { turns: known.turns + 1, intent };
      states.set(conversation, state);
      // One record holds both, so that a repetition is dropped as a whole.
      const record = JSON.stringify({ ...state, reply, id });
      const { duplicate } = await js.publish(`states.${conversation}`, record, { msgID: id });
      if (duplicate) states.set(conversation, known);
      message.ack();
    });
    chains.set(
      conversation,
      mine.catch((error) => void process.stderr.write(`${error}\n`)),
    );
  }
}

async function stateOf(js, conversation) {
  const manager = await js.jetstreamManager();
  try {
    const { data } = await manager.streams.getMessage(STATES, { last_by_subj: `states.${conversation}` });
    return JSON.parse(Buffer.from(data).toString("utf8"));
  } catch {
    return { turns: 0, intent: "" };
  }
}

let server;
let nc;
let js;
let handler;
const waiting = new Map();

async function begin() {
  const { url, user, pass } = server;
  handler = fork(fileURLToPath(import.meta.url), ["handler", JSON.stringify({ url, user, pass })]);
  await new Promise((resolve) => handler.once("message", resolve));
}

const floor = {
  async start(dir) {
    server = await EmbeddedServer.start({ binary: findNatsServer(), dir: `${dir}/nats`, name: "floor" });
    const { url, user, pass } = server;
    nc = await connect({ servers: url, user, pass });
    js = nc.jetstream();
    const manager = await nc.jetstreamManager();
    await manager.streams.add({ name: MESSAGES, subjects: ["messages.*"] });
    await manager.streams.add({ name: STATES, subjects: ["states.*"] });
    await manager.consumers.add(MESSAGES, {
      durable_name: "handler",
      ack_policy: AckPolicy.Explicit,
      ack_wait: AGAIN_MS * 1_000_000,
      max_ack_pending: UNDER_WAY,
    });
    nc.subscribe("states.*", {
      callback: (_, message) => {
        const { id, reply } = message.json();
        waiting.get(id)?.(reply);
        waiting.delete(id);
      },
    });
    await begin();
  },
  async turn(conversation, text) {
    const id = nuid.next();
    const reply = new Promise((resolve) => waiting.set(id, resolve));
    await js.publish(`messages.${conversation}`, JSON.stringify({ id, text }), { msgID: id });
    return reply;
  },
  turnsOf: async (conversation) => (await stateOf(js, conversation)).turns,
  async crash() {
    handler.kill("SIGKILL");
    await begin();
  },
  async stop() {
    handler?.kill("SIGKILL");
    await nc?.close();
    await server?.stop();
  },
};

if (process.argv[2] === "handler") await handle(JSON.parse(process.argv[3]));
else serveTurns(floor);
