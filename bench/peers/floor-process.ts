/**
 * The floor: a handler by hand over NATS, as its documentation has it. A durable consumer hands messages over one conversation after
 * the other; what is kept of a conversation and the reply are acknowledged by JetStream before the message is.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AckPolicy, connect, type JetStreamClient, type NatsConnection, nuid, type Subscription } from "nats";
import { EmbeddedServer } from "../../runtime/bus/index.ts";
import { findNatsServer } from "../../runtime/config/nats-server.ts";
import { classify, lookUp, orderIn, replyTo } from "../support-turn.ts";
import { serveTurns } from "./turns.ts";

interface Where {
  readonly url: string;
  readonly user: string;
  readonly pass: string;
}

interface Kept {
  readonly turns: number;
  readonly intent: string;
}

const MESSAGES = "FLOOR_MESSAGES";
const STATES = "FLOOR_STATES";
/** Messages that are handed over and not acknowledged. */
const UNDER_WAY = 256;
/** One that was not acknowledged is handed over again, ms. */
const AGAIN_MS = 1_000;

/** The handler, in a process of its own. */
async function handle({ url, user, pass }: Where): Promise<void> {
  const nc = await connect({ servers: url, user, pass });
  const js = nc.jetstream();
  const states = new Map<string, Kept>();
  const consumer = await js.consumers.get(MESSAGES, "handler");
  const messages = await consumer.consume({ max_messages: UNDER_WAY });
  const chains = new Map<string, Promise<void>>();
  process.send?.("ready");
  for await (const message of messages) {
    const conversation = message.subject.split(".")[1]!;
    const before = chains.get(conversation) ?? Promise.resolve();
    const mine = before.then(async () => {
      const { id, text } = message.json<{ id: string; text: string }>();
      const known = states.get(conversation) ?? (await stateOf(js, conversation));
      const intent = classify(text);
      const reply = replyTo(intent, lookUp(orderIn(text)));
      const state: Kept = { turns: known.turns + 1, intent };
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

async function stateOf(js: JetStreamClient, conversation: string): Promise<Kept> {
  const manager = await js.jetstreamManager();
  try {
    const { data } = await manager.streams.getMessage(STATES, { last_by_subj: `states.${conversation}` });
    return JSON.parse(Buffer.from(data).toString("utf8")) as Kept;
  } catch {
    return { turns: 0, intent: "" };
  }
}

/** The load, and the server that both use. */
class Floor {
  #server!: EmbeddedServer;
  #nc!: NatsConnection;
  #js!: JetStreamClient;
  #replies!: Subscription;
  #handler!: ChildProcess;
  readonly #waiting = new Map<string, (reply: string) => void>();

  async start(dir: string): Promise<void> {
    this.#server = await EmbeddedServer.start({
      binary: findNatsServer(),
      dir: `${dir}/nats`,
      name: "floor",
    });
    const { url, user, pass } = this.#server;
    this.#nc = await connect({ servers: url, user, pass });
    this.#js = this.#nc.jetstream();
    const manager = await this.#nc.jetstreamManager();
    await manager.streams.add({ name: MESSAGES, subjects: ["messages.*"] });
    await manager.streams.add({ name: STATES, subjects: ["states.*"] });
    await manager.consumers.add(MESSAGES, {
      durable_name: "handler",
      ack_policy: AckPolicy.Explicit,
      ack_wait: AGAIN_MS * 1_000_000,
      max_ack_pending: UNDER_WAY,
    });
    this.#replies = this.#nc.subscribe("states.*", {
      callback: (_, message) => {
        const { id, reply } = message.json<{ id: string; reply: string }>();
        this.#waiting.get(id)?.(reply);
        this.#waiting.delete(id);
      },
    });
    await this.#begin();
  }

  async turn(conversation: string, text: string): Promise<string> {
    const id = nuid.next();
    const reply = new Promise<string>((resolve) => this.#waiting.set(id, resolve));
    await this.#js.publish(`messages.${conversation}`, JSON.stringify({ id, text }), { msgID: id });
    return reply;
  }

  async turnsOf(conversation: string): Promise<number> {
    return (await stateOf(this.#js, conversation)).turns;
  }

  async crash(): Promise<void> {
    this.#handler.kill("SIGKILL");
    await this.#begin();
  }

  async stop(): Promise<void> {
    this.#handler.kill("SIGKILL");
    this.#replies.unsubscribe();
    await this.#nc.close();
    await this.#server.stop();
  }

  async #begin(): Promise<void> {
    const { url, user, pass } = this.#server;
    const where = JSON.stringify({ url, user, pass } satisfies Where);
    this.#handler = fork(fileURLToPath(import.meta.url), ["handler", where]);
    await new Promise((resolve) => this.#handler.once("message", resolve));
  }
}

if (process.argv[2] === "handler") await handle(JSON.parse(process.argv[3]!) as Where);
else serveTurns(new Floor());
