/**
 * A hand-off: a person is asked to take a conversation over, or to decide on an approval.
 *
 * It is the only one that lets a person write into a conversation, so there is one writer at a time: whoever accepted.
 * What anybody else sends is refused on the record (`handoff.refused`, to the orchestrator) and reaches nobody.
 */
import { type Address, address } from "../../runtime/address.ts";
import {
  type ActorEvent,
  type ActorInput,
  type AnyStateMachine,
  type Effect,
  enqueueActions,
  setup,
  tell,
} from "../../runtime/host/machine.ts";
import type { Json, JsonObject } from "../../runtime/json.ts";

export interface HandoffOptions {
  /** How long an entry waits for somebody before it is announced again, and as long again until the customer hears. ms */
  readonly acceptMs: number;
}

export const HANDOFF_DEFAULTS: HandoffOptions = { acceptMs: 2 * 60_000 };

export interface HandoffSettings {
  readonly options: HandoffOptions;
  readonly orchestrator: Address;
}

export const HANDOFF_STATES = [
  "idle",
  "queued",
  "accepted",
  "returned",
  "closed",
  "approved",
  "declined",
  "withdrawn",
] as const;
export type HandoffState = (typeof HANDOFF_STATES)[number];

export interface HandoffContext {
  id: string;
  conversation: string;
  phase: HandoffState;
  kind: "conversation" | "approval";
  reason: string;
  priority: string;
  summary: string;
  customer: JsonObject;
  latest: readonly Json[];
  approval: JsonObject | null;
  openedAt: number;
  /** Who should take it, as the rotation has it. Anybody may. */
  assigned: string | null;
  agent: string | null;
  /** Times that it was announced. */
  announced: number;
  notes: readonly string[];
  callback: string | null;
}

type Change = (
  c: HandoffContext,
  event: ActorEvent,
  effects: Effect[],
) => Partial<HandoffContext> | undefined;

const NOTES = 10;

export function handoffMachine(settings: HandoffSettings): AnyStateMachine {
  const toConversation = (c: HandoffContext, type: string, data: JsonObject): Effect =>
    tell(address("conversation", c.conversation), type, { handoffId: c.id, ...data });
  const toOrchestrator = (c: HandoffContext, type: string, data: JsonObject = {}): Effect =>
    tell(settings.orchestrator, type, { handoffId: c.id, conversation: c.conversation, ...data });
  /** Only whoever accepted may go on. */
  const mine =
    (change: Change): Change =>
    (c, event, effects) => {
      const agent = String(event.data?.agent ?? "");
      if (agent === c.agent) return change(c, event, effects);
      effects.push(toOrchestrator(c, "handoff.refused", { agent, what: event.type }));
      return undefined;
    };
  const on = (change: Change) => ({
    target: "#handoff.deciding",
    actions: enqueueActions(({ context, event, enqueue }: any) => {
      const effects: Effect[] = [];
      const changed = change(context, event, effects);
      if (changed) enqueue.assign(changed);
      for (const effect of effects) enqueue.emit(effect);
    }),
  });
  /** Without leaving the state: its timer goes on. */
  const stay = (change: Change) => ({ actions: on(change).actions });

  const open: Change = (_c, event, effects) => {
    const { data } = event;
    const c: Partial<HandoffContext> = {
      phase: "queued",
      kind: data.kind === "approval" ? "approval" : "conversation",
      reason: String(data.reason ?? ""),
      priority: String(data.priority ?? "normal"),
      summary: String(data.summary ?? ""),
      customer: data.customer ?? {},
      latest: data.latest ?? [],
      approval: data.approval ?? null,
      openedAt: event.at,
      announced: 1,
    };
    // The one notification.
    effects.push(
      toOrchestrator({ ..._c, ...c }, "handoff.queued", {
        kind: c.kind!,
        reason: c.reason!,
        priority: c.priority!,
        at: event.at,
      }),
    );
    return c;
  };
  const overdue: Change = (c, _event, effects) => {
    effects.push(toOrchestrator(c, "handoff.waiting", { announced: c.announced + 1 }));
    if (c.announced === 2 && c.kind === "conversation") effects.push(toConversation(c, "human.late", {}));
    return { announced: c.announced + 1 };
  };
  const accept: Change = (c, event, effects) => {
    const agent = String(event.data?.agent ?? "");
    if (agent === "" || c.kind !== "conversation") return undefined;
    effects.push(
      toConversation(c, "human.accepted", { agent }),
      toOrchestrator(c, "handoff.accepted", { agent }),
    );
    return { phase: "accepted", agent };
  };
  const tooLate: Change = (c, event, effects) => {
    effects.push(
      toOrchestrator(c, "handoff.refused", { agent: String(event.data?.agent ?? ""), what: event.type }),
    );
    return undefined;
  };
  const reply: Change = (c, event, effects) => {
    effects.push(
      toConversation(c, "human.message", { agent: c.agent!, text: String(event.data?.text ?? "") }),
    );
    return undefined;
  };
  const giveBack: Change = (c, event, effects) => {
    const summary = String(event.data?.summary ?? "");
    const instruction = String(event.data?.instruction ?? "");
    effects.push(
      toConversation(c, "human.returned", { summary, instruction }),
      toOrchestrator(c, "handoff.settled"),
    );
    return { phase: "returned" };
  };
  const close: Change = (c, _event, effects) => {
    effects.push(toConversation(c, "human.closed", {}), toOrchestrator(c, "handoff.settled"));
    return { phase: "closed" };
  };
  const decide: Change = (c, event, effects) => {
    const agent = String(event.data?.agent ?? "");
    if (agent === "" || c.kind !== "approval") return undefined;
    const approved = event.type === "handoff.approve";
    const data: Record<string, Json> = { approvalId: c.id, agent };
    if (event.data?.note) data.note = String(event.data.note);
    effects.push(
      toConversation(c, approved ? "human.approved" : "human.declined", data),
      toOrchestrator(c, "handoff.settled"),
    );
    return { phase: approved ? "approved" : "declined", agent };
  };
  const withdraw: Change = (c, _event, effects) => {
    effects.push(toOrchestrator(c, "handoff.settled"));
    return { phase: "withdrawn" };
  };
  const note: Change = (c, event) => ({ notes: [...c.notes, String(event.data?.text ?? "")].slice(-NOTES) });
  const callback: Change = (_c, event) => ({ callback: String(event.data?.email ?? "") || null });
  const assigned: Change = (_c, event) => ({ assigned: String(event.data?.agent ?? "") || null });

  const kept = {
    "handoff.note": stay(note),
    "handoff.callback": stay(callback),
    "handoff.assigned": stay(assigned),
    "handoff.withdraw": on(withdraw),
  };
  const refused = Object.fromEntries(
    ["accept", "reply", "return", "close", "approve", "decline"].map((what) => [
      `handoff.${what}`,
      stay(tooLate),
    ]),
  );
  return setup({
    types: {} as { context: HandoffContext; events: ActorEvent; input: ActorInput; emitted: Effect },
    delays: { overdue: () => settings.options.acceptMs },
  }).createMachine({
    id: "handoff",
    context: ({ input }: { input: ActorInput }): HandoffContext => ({
      id: input.address.id,
      conversation: input.address.key,
      phase: "idle",
      kind: "conversation",
      reason: "",
      priority: "normal",
      summary: "",
      customer: {},
      latest: [],
      approval: null,
      openedAt: input.startedAt,
      assigned: null,
      agent: null,
      announced: 0,
      notes: [],
      callback: null,
    }),
    initial: "idle",
    states: {
      idle: { on: { "handoff.open": on(open) } },
      queued: {
        on: {
          ...kept,
          "handoff.accept": on(accept),
          "handoff.approve": on(decide),
          "handoff.decline": on(decide),
          "handoff.reply": stay(tooLate),
          "handoff.return": stay(tooLate),
          "handoff.close": stay(tooLate),
        },
        // Announced again twice; then it waits until somebody comes.
        after: { overdue: { guard: ({ context }: any) => context.announced < 3, ...on(overdue) } },
      },
      accepted: {
        on: {
          ...kept,
          "handoff.accept": stay(tooLate),
          "handoff.reply": stay(mine(reply)),
          "handoff.return": on(mine(giveBack)),
          "handoff.close": on(mine(close)),
        },
      },
      returned: { on: refused },
      closed: { on: refused },
      approved: { on: refused },
      declined: { on: refused },
      withdrawn: { on: refused },
      deciding: {
        always: HANDOFF_STATES.map((phase) => ({
          guard: ({ context }: { context: HandoffContext }) => context.phase === phase,
          target: phase,
        })),
      },
    },
  } as any) as unknown as AnyStateMachine;
}

export function handoffView(c: HandoffContext, value: unknown): JsonObject {
  return {
    id: c.id,
    conversation: c.conversation,
    state: String(value),
    kind: c.kind,
    reason: c.reason,
    priority: c.priority,
    summary: c.summary,
    customer: c.customer,
    latest: c.latest,
    approval: c.approval,
    openedAt: c.openedAt,
    assigned: c.assigned,
    agent: c.agent,
    announced: c.announced,
    notes: c.notes,
    callback: c.callback,
  };
}

const ENDED: readonly unknown[] = ["returned", "closed", "approved", "declined", "withdrawn"];

export function handoffEnded(_context: HandoffContext, value: unknown): boolean {
  return ENDED.includes(value);
}
