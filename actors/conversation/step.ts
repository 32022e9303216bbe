/**
 * One fold of the conversation: a copy of its state to change, and what is to be done, in order. The modules beside
 * this one are functions on a `Step`; the machine carries out what they collected.
 */
import { type Address, address } from "../../runtime/address.ts";
import { type ActorEvent, ask, type Effect, tell } from "../../runtime/host/machine.ts";
import { copyJson, type Json, type JsonObject } from "../../runtime/json.ts";
import type { Policy } from "../orchestrator/policy.ts";
import type { Citation, PlaybookEvent, PlaybookInput } from "../playbooks/protocol.ts";
import type { TaskSkill } from "../task/context.ts";
import type { Conversation, OpenAsk, Phase } from "./context.ts";
import { asBegun, type DialogOptions, type PlaybookCatalog } from "./options.ts";

export type Act =
  | { readonly do: "emit"; readonly effect: Effect }
  | { readonly do: "spawn"; readonly id: string; readonly src: string; readonly input: PlaybookInput }
  | { readonly do: "send"; readonly id: string; readonly event: PlaybookEvent }
  | { readonly do: "stop"; readonly id: string }
  /** Comes back as `playbook.settled`, after everything that the children say now. */
  | { readonly do: "settle" };

/** What does not change while a desk runs. */
export interface DialogSettings {
  readonly dialog: DialogOptions;
  readonly playbooks: PlaybookCatalog;
  /** Of conversations that began with no other. */
  readonly policy: Policy;
  /** Systems whose records belong to customers: nothing of them before verification. */
  readonly recordSystems: readonly string[];
  /** What a model that leads a conversation may ask for. */
  readonly skills: { get(name: string): TaskSkill | undefined };
  /** Address of the desk's orchestrator. */
  readonly orchestrator: Address;
}

/** An open ask before it has its name. */
export type AskMeta = OpenAsk extends infer A ? (A extends OpenAsk ? Omit<A, "name"> : never) : never;

export class Step {
  readonly c: Conversation;
  readonly acts: Act[] = [];
  readonly at: number;

  constructor(
    state: Conversation,
    readonly event: ActorEvent,
    readonly settings: DialogSettings,
  ) {
    this.c = copyJson(state);
    // Children and timers have no log time of their own; the turn's is the nearest that is on the record.
    this.at = event.at ?? state.now?.at ?? state.history.at(-1)?.at ?? 0;
  }

  get options(): DialogOptions {
    return this.settings.dialog;
  }

  /** When a person is asked, as it was when the conversation began. */
  get policy(): Policy {
    const { policy } = this.settings;
    return this.c.escalation ? { ...policy, ...this.c.escalation } : policy;
  }

  /** Playbooks, as they were when the conversation began. */
  get playbooks(): PlaybookCatalog {
    return asBegun(this.settings.playbooks, this.c.playbooks);
  }

  go(phase: Phase): void {
    this.c.phase = phase;
  }

  emit(effect: Effect): void {
    this.acts.push({ do: "emit", effect });
  }

  /** What the customer and those who watch see. */
  channel(event: string, data: JsonObject, clear: JsonObject = {}): void {
    this.emit(tell(address("channel", this.c.id), event, data, clear));
  }

  tell(kind: string, id: string, event: string, data: JsonObject = {}, clear: JsonObject = {}): void {
    this.emit(tell(address(kind, this.c.id, id), event, data, clear));
  }

  /**
   * Asks, and awaits the answer under a name that no other ask of this conversation has.
   * @param key idempotency key; follows from the record and the ask's place unless given
   */
  ask(
    meta: AskMeta,
    service: string,
    operation: string,
    input: JsonObject,
    timeoutMs: number,
    key?: string,
  ): void {
    const name = this.askName(meta.kind);
    this.c.open.push({ ...meta, name } as OpenAsk);
    this.emit(ask(name, service, operation, input, key ? { timeoutMs, key } : { timeoutMs }));
  }

  /** Asks the model that this conversation has. */
  askModel(
    meta: AskMeta,
    operation: "answer" | "digest" | "propose",
    input: Record<string, Json>,
    timeoutMs: number,
  ): void {
    const { model } = this.c;
    this.ask(meta, "model", operation, model === undefined ? input : { ...input, model }, timeoutMs);
  }

  /** Asks without awaiting: the answer is on the record and changes nothing here. */
  askAside(kind: string, service: string, operation: string, input: JsonObject, timeoutMs: number): void {
    this.emit(ask(this.askName(kind), service, operation, input, { timeoutMs }));
  }

  /** The open ask that this event answers, once; undefined when nobody waits for it any more. */
  answered(): { ask: OpenAsk; ok: boolean } | undefined {
    const dot = this.event.type.lastIndexOf(".");
    const name = this.event.type.slice(0, dot);
    const index = this.c.open.findIndex((open) => open.name === name);
    if (index < 0) return undefined;
    const [found] = this.c.open.splice(index, 1);
    return { ask: found!, ok: this.event.type.slice(dot + 1) === "done" };
  }

  spawn(id: string, src: string, input: PlaybookInput): void {
    this.acts.push({ do: "spawn", id, src, input });
  }

  send(id: string, event: PlaybookEvent): void {
    this.acts.push({ do: "send", id, event });
  }

  stop(id: string): void {
    this.acts.push({ do: "stop", id });
  }

  settle(): void {
    this.acts.push({ do: "settle" });
  }

  /** Adds to the reply of this turn. */
  say(text: string, extra: { quickReplies?: readonly string[]; citations?: readonly Citation[] } = {}): void {
    const turn = this.c.now;
    if (!turn) return;
    const clean = text.trim();
    if (clean && turn.said.at(-1) !== clean) turn.said.push(clean);
    if (extra.quickReplies?.length) turn.quickReplies = [...extra.quickReplies];
    if (extra.citations?.length) turn.citations = [...(turn.citations ?? []), ...extra.citations];
  }

  private askName(kind: string): string {
    this.c.counts.asks += 1;
    return `${kind}.${this.c.counts.asks}`;
  }
}
