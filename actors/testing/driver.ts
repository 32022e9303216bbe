/**
 * Drives one durable machine without a log: records in, effects out.
 *
 * Two copies run side by side. One lives on; the other is persisted, turned into JSON and restored before every event.
 * Their effects have to be the same, so every test that uses the driver is also a test of restoring.
 */
import { type Address, address, formatAddress } from "../../runtime/address.ts";
import { LiveMachine, type PersistedMachine } from "../../runtime/host/live-machine.ts";
import type { AnyStateMachine, AskEffect, Effect, TellEffect } from "../../runtime/host/machine.ts";
import { canonicalJson, type JsonObject } from "../../runtime/json.ts";

export const START = Date.UTC(2026, 10, 20, 9, 0, 0);

/** Answers an ask: a value, or `failed(...)`; undefined leaves it open. */
export type Responder = (ask: AskEffect) => JsonObject | Failed | undefined;

export class Failed {
  constructor(
    readonly code: string,
    readonly message = code,
    readonly retryable = false,
  ) {}
}

export class Driver {
  readonly address: Address;
  now = START;
  /** Everything that was emitted, in order. */
  readonly effects: Effect[] = [];
  /** Asks without an answer, in order. */
  open: AskEffect[] = [];
  #live: LiveMachine;
  #persisted: PersistedMachine;
  #records = 0;

  constructor(
    readonly machine: AnyStateMachine,
    kind: string,
    key: string,
    id: string = key,
    private readonly respond: Responder = () => undefined,
  ) {
    this.address = address(kind, key, id);
    const point = { at: this.now, recordId: "start" };
    const input = { address: this.address, startedAt: this.now };
    const { live, effects } = LiveMachine.start(machine, input, id, point);
    this.#live = live;
    this.#persisted = json(live.persist());
    this.take(effects);
  }

  get state(): string {
    return String(this.#live.value);
  }

  get context(): any {
    return this.#live.context;
  }

  /** Bytes of the snapshot as JSON. */
  get size(): number {
    return JSON.stringify(this.#persisted).length;
  }

  /** Hands over a record and whatever its answers lead to. Answers the effects of all of it. */
  send(type: string, data: JsonObject = {}, from: Address = address("test", "test")): Effect[] {
    const before = this.effects.length;
    this.fold(type, data, from);
    this.settle();
    return this.effects.slice(before);
  }

  /** Answers asks until none is left that anybody answers. */
  settle(): void {
    for (let answered = true; answered; ) {
      answered = false;
      for (const ask of this.open) {
        const value = this.respond(ask);
        if (value === undefined) continue;
        this.answer(ask, value);
        answered = true;
        break;
      }
    }
  }

  /** Folds the answer to an ask, also a late one. */
  answer(ask: AskEffect, value: JsonObject | Failed): void {
    this.open = this.open.filter((other) => other !== ask);
    if (value instanceof Failed) {
      const { code, message, retryable } = value;
      this.fold(`${ask.name}.failed`, { code, message, retryable }, address("svc", ask.service));
    } else this.fold(`${ask.name}.done`, value, address("svc", ask.service));
  }

  /** Lets time pass; timers fire in the order of their deadlines. */
  advance(ms: number): Effect[] {
    const before = this.effects.length;
    const until = this.now + ms;
    for (;;) {
      const due = [...this.#live.timers].filter((t) => t.deadline <= until);
      due.sort((a, b) => a.deadline - b.deadline || a.generation - b.generation);
      const [timer] = due;
      if (!timer) break;
      this.now = Math.max(this.now, timer.deadline);
      const point = { at: this.now, recordId: `timer-${timer.generation}` };
      this.both((live) => live.fire(timer.key, timer.generation, point) ?? []);
      this.settle();
    }
    this.now = Math.max(this.now, until);
    return this.effects.slice(before);
  }

  /** Records for an address of this kind, in order. */
  told(kind: string, event?: string): TellEffect[] {
    return this.effects.filter(
      (e): e is TellEffect =>
        e.type === "bw.tell" && e.to.kind === kind && (event === undefined || e.event === event),
    );
  }

  asked(operation: string): AskEffect[] {
    return this.effects.filter(
      (e): e is AskEffect => e.type === "bw.ask" && `${e.service}.${e.operation}` === operation,
    );
  }

  private fold(type: string, data: JsonObject, from: Address): void {
    this.now += 1;
    this.#records += 1;
    const id = `r${this.#records}`;
    const event = Object.freeze({ type, id, at: this.now, from, data: deepFreeze(structuredClone(data)) });
    this.both((live) => live.send(event, { at: this.now, recordId: id }));
  }

  private both(run: (live: LiveMachine) => Effect[]): void {
    const restored = LiveMachine.restore(this.machine, json(this.#persisted), this.address.id, this.now);
    const effects = run(this.#live);
    const again = run(restored);
    if (canonicalJson(effects) !== canonicalJson(again)) {
      throw new Error(
        `${formatAddress(this.address)}: after a restore it emits\n${canonicalJson(again)}\ninstead of\n${canonicalJson(effects)}`,
      );
    }
    this.#persisted = json(this.#live.persist());
    const restoredState = canonicalJson(json(restored.persist()).snapshot);
    if (restoredState !== canonicalJson(this.#persisted.snapshot)) {
      throw new Error(`${formatAddress(this.address)}: after a restore it is in another state`);
    }
    this.take(effects);
  }

  private take(effects: readonly Effect[]): void {
    for (const effect of effects) {
      this.effects.push(effect);
      if (effect.type === "bw.ask") this.open.push(effect);
    }
  }
}

function json<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
