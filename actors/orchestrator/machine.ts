/**
 * The orchestrator of a workspace: knows what is open for people, in a form that survives restarts, and hands it round.
 *
 * It keeps the directory of open hand-offs and of effects whose outcome nobody knows, and assigns hand-offs to the
 * agents who said that they are there: most urgent first, to whoever has least to do and was assigned longest ago. It
 * talks to no customer.
 */
import { address } from "../../runtime/address.ts";
import {
  type ActorEvent,
  type ActorInput,
  type AnyStateMachine,
  type Effect,
  enqueueActions,
  setup,
  tell,
} from "../../runtime/host/machine.ts";
import { copyJson, type Json, type JsonObject } from "../../runtime/json.ts";
import { PRIORITIES } from "./policy.ts";

/** Conversations that one agent has at a time unless he says otherwise. */
const CAPACITY = 3;

interface OpenHandoff {
  handoffId: string;
  conversation: string;
  kind: string;
  reason: string;
  priority: string;
  at: number;
  assigned?: string;
  accepted?: boolean;
  /** Agents to whom it was offered in vain. */
  missed?: string[];
}

interface Agent {
  agent: string;
  capacity: number;
  /** Order of the latest assignment. */
  turn: number;
}

interface OrchestratorContext {
  open: OpenHandoff[];
  agents: Agent[];
  turn: number;
  unknowns: JsonObject[];
  counts: { queued: number; refused: number };
}

type Change = (c: OrchestratorContext, event: ActorEvent) => void;

export function orchestratorMachine(): AnyStateMachine {
  const on = (change: Change) => ({
    actions: enqueueActions(({ context, event, enqueue }: any) => {
      const c: OrchestratorContext = copyJson(context);
      change(c, event);
      const effects = assign(c);
      enqueue.assign(c);
      for (const effect of effects) enqueue.emit(effect);
    }),
  });
  const find = (c: OrchestratorContext, event: ActorEvent): OpenHandoff | undefined =>
    c.open.find((entry) => entry.handoffId === event.data?.handoffId);
  return setup({
    types: {} as { context: OrchestratorContext; events: ActorEvent; input: ActorInput; emitted: Effect },
  }).createMachine({
    id: "orchestrator",
    context: (): OrchestratorContext => ({
      open: [],
      agents: [],
      turn: 0,
      unknowns: [],
      counts: { queued: 0, refused: 0 },
    }),
    initial: "open",
    states: {
      open: {
        on: {
          "handoff.queued": on((c, { data, at }) => {
            c.counts.queued += 1;
            c.open.push({
              handoffId: String(data.handoffId),
              conversation: String(data.conversation),
              kind: String(data.kind),
              reason: String(data.reason),
              priority: String(data.priority),
              at,
            });
          }),
          "handoff.waiting": on((c, event) => {
            const entry = find(c, event);
            if (!entry || entry.accepted) return;
            if (entry.assigned) entry.missed = [...(entry.missed ?? []), entry.assigned];
            entry.assigned = undefined;
          }),
          "handoff.accepted": on((c, event) => {
            const entry = find(c, event);
            if (!entry) return;
            entry.accepted = true;
            entry.assigned = String(event.data.agent);
          }),
          "handoff.settled": on((c, event) => {
            c.open = c.open.filter((entry) => entry.handoffId !== event.data?.handoffId);
          }),
          "handoff.refused": on((c) => {
            c.counts.refused += 1;
          }),
          "agent.available": on((c, { data }) => {
            const name = String(data.agent);
            const capacity = Number.isInteger(data.capacity) && data.capacity > 0 ? data.capacity : CAPACITY;
            const known = c.agents.find((agent) => agent.agent === name);
            if (known) known.capacity = capacity;
            else c.agents.push({ agent: name, capacity, turn: 0 });
          }),
          "agent.away": on((c, { data }) => {
            c.agents = c.agents.filter((agent) => agent.agent !== data.agent);
            for (const entry of c.open) {
              if (entry.assigned === data.agent && !entry.accepted) entry.assigned = undefined;
            }
          }),
          "task.unknown": on((c, { data, at }) => {
            c.unknowns.push({ ...data, at });
          }),
          "task.known": on((c, { data }) => {
            c.unknowns = c.unknowns.filter((unknown) => unknown.unknownId !== data.unknownId);
          }),
        },
      },
    },
  } as any) as unknown as AnyStateMachine;
}

/** Gives what nobody has to somebody who has room. */
function assign(c: OrchestratorContext): Effect[] {
  const effects: Effect[] = [];
  const rank = (entry: OpenHandoff): number => (PRIORITIES as readonly string[]).indexOf(entry.priority);
  const free = c.open.filter((entry) => !entry.assigned).sort((a, b) => rank(a) - rank(b) || a.at - b.at);
  for (const entry of free) {
    const load = (agent: Agent): number => c.open.filter((other) => other.assigned === agent.agent).length;
    const [next] = c.agents
      .filter((agent) => load(agent) < agent.capacity && !entry.missed?.includes(agent.agent))
      .sort((a, b) => load(a) - load(b) || a.turn - b.turn || (a.agent < b.agent ? -1 : 1));
    if (!next) continue;
    c.turn += 1;
    next.turn = c.turn;
    entry.assigned = next.agent;
    effects.push(
      tell(address("handoff", entry.conversation, entry.handoffId), "handoff.assigned", {
        agent: next.agent,
      }),
    );
  }
  return effects;
}

export function orchestratorView(c: OrchestratorContext): JsonObject {
  return {
    open: c.open as unknown as Json,
    agents: c.agents as unknown as Json,
    unknowns: c.unknowns,
    counts: c.counts,
  };
}
