/**
 * A driver for playbooks in tests: runs one compiled playbook under the host's own driver, as the child of a small parent
 * that does what a conversation does with its commands: it asks skills, runs tasks, verifies. After each event the whole
 * is persisted, turned to JSON and restored, so that every test also shows that a playbook survives a restart anywhere.
 */
import { LiveMachine, type PersistedMachine } from "../../runtime/host/live-machine.ts";
import { type AnyStateMachine, emit, sendTo, setup, spawnChild } from "../../runtime/host/machine.ts";
import { hashJson, type JsonObject } from "../../runtime/json.ts";
import type {
  Entity,
  PlaybookCommand,
  PlaybookEvent,
  PlaybookFailure,
  PlaybookInput,
  TaskStep,
} from "./protocol.ts";

/** Answers a skill; throws an object with `code` and `message` to fail. */
export type SkillRunner = (skill: string, input: JsonObject, key: string) => Promise<unknown> | unknown;

export interface RunOptions {
  readonly machine: AnyStateMachine;
  readonly skills: SkillRunner;
  readonly customer?: PlaybookInput["customer"];
  /** First message. */
  readonly text: string;
  readonly input?: Partial<PlaybookInput>;
  /** Whether to persist and restore after each event; default true. */
  readonly restart?: boolean;
  /** What a person says to an approval; default "later": the test decides with `approve()`. */
  readonly approval?: "approve" | "decline" | "later";
  /** Intent of each message, as the classifier would say. */
  readonly intent?: string;
  /** Log time of the first message, ms. */
  readonly at?: number;
}

/** The beginning of all tests: 2026-11-20 10:00 UTC. */
export const TEST_TIME = Date.UTC(2026, 10, 20, 10);

/** What `language.understand` would find in a short, well-formed message. */
export function understood(text: string, intent?: string): NonNullable<PlaybookInput["understanding"]> {
  const entities: Entity[] = [];
  const find = (type: string, pattern: RegExp, value: (m: RegExpMatchArray) => string): void => {
    for (const m of text.matchAll(pattern))
      entities.push({ type, value: value(m), text: m[0], start: m.index, end: m.index + m[0].length });
  };
  find("order_number", /#?\bW\d{6,8}\b/g, (m) => m[0].replace("#", ""));
  find("email", /[\w.+-]+@[\w-]+\.[\w.]+\w/g, (m) => m[0].toLowerCase());
  find("postcode", /\b\d{5}\b/g, (m) => m[0]);
  const yes = /^\W*(?:yes|yep|sure|ok(?:ay)?|please do|go ahead|correct)\b/i.test(text);
  const no = /^\W*(?:no|nope|don't|do not|not)\b/i.test(text);
  return {
    language: "en",
    intent: intent === undefined ? null : { name: intent, confidence: 0.9 },
    alternatives: [],
    entities,
    yesNo: yes ? "yes" : no ? "no" : null,
    topics: [],
  };
}

function parentOf(machine: AnyStateMachine): AnyStateMachine {
  return setup({
    types: { input: {} as { playbook: PlaybookInput }, events: {} as { type: string } },
    actors: { playbook: machine },
  }).createMachine({
    context: {},
    entry: spawnChild("playbook", {
      id: "playbook",
      input: (({ event }: any) => event.input.playbook) as never,
    }),
    on: {
      "pb.*": { actions: emit(({ event }) => event as never) },
      "xstate.done.actor.playbook": {},
      "xstate.error.actor.playbook": {
        actions: ({ event }) => {
          throw (event as unknown as { error: unknown }).error;
        },
      },
      "*": { actions: sendTo("playbook", ({ event }) => event as never) },
    },
  }) as unknown as AnyStateMachine;
}

export class PlaybookRun {
  readonly commands: PlaybookCommand[] = [];
  /** Skills asked, in order, writes included. */
  readonly asked: { skill: string; input: JsonObject }[] = [];
  result: string | undefined;
  #live: LiveMachine;
  #point = 0;
  #at: number;
  #pending: { name: string; steps: readonly TaskStep[] } | undefined;
  readonly #parent: AnyStateMachine;
  readonly #options: RunOptions;

  private constructor(options: RunOptions, parent: AnyStateMachine, live: LiveMachine) {
    this.#options = options;
    this.#parent = parent;
    this.#live = live;
    this.#at = options.at ?? TEST_TIME;
  }

  /** Starts the playbook on its first message and lets it come to rest. */
  static async start(options: RunOptions): Promise<PlaybookRun> {
    const at = options.at ?? TEST_TIME;
    const input: PlaybookInput = {
      customer: options.customer ?? null,
      slots: {},
      at,
      understanding: understood(options.text, options.intent),
      text: options.text,
      ...options.input,
    };
    const parent = parentOf(options.machine);
    const { live, effects } = LiveMachine.start(parent, { playbook: input } as never, "test", {
      at,
      recordId: "r0",
    });
    const run = new PlaybookRun(options, parent, live);
    await run.#obey(effects as never);
    return run;
  }

  /** What was said, in order. */
  get said(): string[] {
    return this.commands.flatMap((c) =>
      c.type === "pb.say" ? [c.text] : c.type === "pb.handoff" ? [c.sentence] : [],
    );
  }
  get lastSaid(): string {
    return this.said.at(-1) ?? "";
  }
  /** The state of the playbook: the step where it rests. */
  get state(): string {
    const persisted = this.#live.persist().snapshot as any;
    return String(persisted.children?.playbook?.snapshot?.value ?? "done");
  }
  /** Hash of the whole state, to compare runs. */
  get stateHash(): string {
    return hashJson(this.#live.persist().snapshot);
  }
  persist(): PersistedMachine {
    return this.#live.persist();
  }

  /** The customer writes. */
  turn(text: string): Promise<void> {
    return this.send({
      type: "turn",
      text,
      understanding: understood(text, this.#options.intent),
      at: this.#tick(),
    });
  }

  /** The customer has been verified, with what he wrote meanwhile. */
  verified(customer: NonNullable<PlaybookInput["customer"]>, ...texts: string[]): Promise<void> {
    return this.send({
      type: "customer.verified",
      customer,
      at: this.#tick(),
      said: texts.map((text) => ({ text, understanding: understood(text) })),
    });
  }

  /** A person decides about the open approval. */
  async approve(yes: boolean): Promise<void> {
    const task = this.#pending;
    if (!task) throw new Error("no approval is open");
    this.#pending = undefined;
    await this.send({
      type: "approval",
      name: task.name,
      state: yes ? "approved" : "declined",
      at: this.#tick(),
    });
    if (yes) await this.#runTask(task.name, task.steps, { id: "test-approval" });
    else await this.#fail("task.failed", task.name, { code: "declined", message: "declined: not approved" });
  }

  async send(event: PlaybookEvent): Promise<void> {
    const effects = this.#live.send(event, { at: this.#at, recordId: `r${++this.#point}` });
    if (this.#options.restart !== false) {
      const persisted = JSON.parse(JSON.stringify(this.#live.persist())) as PersistedMachine;
      this.#live = LiveMachine.restore(this.#parent, persisted, "test", this.#at);
    }
    await this.#obey(effects as never);
  }

  #tick(): number {
    this.#at += 1_000;
    return this.#at;
  }

  async #obey(commands: readonly PlaybookCommand[]): Promise<void> {
    this.commands.push(...commands);
    for (const c of commands) {
      if (c.type === "pb.done") this.result = c.result;
      else if (c.type === "pb.call") {
        try {
          const value = await this.#ask(c.skill, c.input, c.name);
          await this.send({ type: "call.done", name: c.name, value, at: this.#tick() });
        } catch (error) {
          await this.#fail("call.failed", c.name, error as PlaybookFailure);
        }
      } else if (c.type === "pb.task") {
        if (!c.approval) await this.#runTask(c.name, c.steps);
        else {
          this.#pending = { name: c.name, steps: c.steps };
          await this.send({ type: "approval", name: c.name, state: "pending", at: this.#tick() });
          if (this.#options.approval === "approve") await this.approve(true);
          if (this.#options.approval === "decline") await this.approve(false);
        }
      }
    }
  }

  async #ask(skill: string, input: JsonObject, key: string): Promise<unknown> {
    this.asked.push({ skill, input });
    return JSON.parse(JSON.stringify((await this.#options.skills(skill, input, key)) ?? null));
  }

  async #fail(type: "call.failed" | "task.failed", name: string, error: PlaybookFailure): Promise<void> {
    const { code = "failed", message = String(error) } = error;
    await this.send({ type, name, error: { code, message }, at: this.#tick() });
  }

  async #runTask(name: string, steps: readonly TaskStep[], approval?: JsonObject): Promise<void> {
    const done: TaskStep[] = [];
    const results: unknown[] = [];
    try {
      for (const step of steps) {
        const input = approval ? { ...step.input, approval } : step.input;
        results.push(await this.#ask(step.skill, input, `${name}-${results.length}`));
        done.unshift(step);
      }
    } catch (error) {
      for (const step of done)
        if (step.compensate) await this.#ask(step.compensate.skill, step.compensate.input, `${name}-undo`);
      return this.#fail("task.failed", name, error as PlaybookFailure);
    }
    return this.send({ type: "task.done", name, result: results.at(-1), at: this.#tick() });
  }
}
