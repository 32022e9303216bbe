/** A task: a saga that survives any crash, because everything that it knows is on the record. */
import {
  type ActorEvent,
  type ActorInput,
  type AnyStateMachine,
  type Effect,
  enqueueActions,
  setup,
} from "../../runtime/host/machine.ts";
import type { Json, JsonObject } from "../../runtime/json.ts";
import { newTask, TASK_PHASES, type TaskContext, type TaskSettings } from "./context.ts";
import * as saga from "./saga.ts";

export function taskMachine(settings: TaskSettings): AnyStateMachine {
  const { options } = settings;
  const on = (change: (f: saga.TaskFold) => void) => ({
    target: "#task.deciding",
    actions: enqueueActions(({ context, event, enqueue }: any) => {
      const fold = new saga.TaskFold(context.t, event as ActorEvent, settings);
      change(fold);
      enqueue.assign({ t: fold.t });
      for (const effect of fold.effects) enqueue.emit(effect);
    }),
  });
  return setup({
    types: {} as { context: TaskContext; events: ActorEvent; input: ActorInput; emitted: Effect },
    delays: {
      approval: () => options.approvalMs,
      backoff: ({ context }: any) =>
        Math.min(options.backoffMs * 2 ** Math.max(0, context.t.attempt - 1), options.maxBackoffMs),
    },
  }).createMachine({
    id: "task",
    context: ({ input }: { input: ActorInput }) => ({ t: newTask(input.address.id, input.address.key) }),
    initial: "idle",
    on: { "host.quarantined": on(saga.brokenDown) },
    states: {
      idle: { on: { "task.start": on(saga.started) } },
      approving: {
        on: { "task.approved": on(saga.approved), "task.declined": on(saga.declined) },
        after: { approval: on(saga.approvalTimedOut) },
      },
      running: { on: { "step.*": on(saga.answered) } },
      backingOff: { after: { backoff: on(saga.attempt) } },
      lookingUp: { on: { "lookup.*": on(saga.answered) } },
      unknown: { on: { "unknown.resolved": on(saga.resolved) } },
      finished: {},
      deciding: {
        always: TASK_PHASES.map((phase) => ({
          guard: ({ context }: { context: TaskContext }) => context.t.phase === phase,
          target: phase,
        })),
      },
    },
  } as any) as unknown as AnyStateMachine;
}

export function taskView({ t }: TaskContext, value: unknown): JsonObject {
  return {
    state: String(value),
    name: t.name,
    steps: t.steps.map((step) => step.skill),
    direction: t.direction,
    done: t.results.length,
    attempt: t.attempt,
    approval: (t.approval ?? null) as unknown as Json,
    unknown: (t.unknown ?? null) as unknown as Json,
    error: (t.error ?? null) as unknown as Json,
    left: t.left,
  };
}
