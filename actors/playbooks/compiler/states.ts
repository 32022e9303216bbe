/** The states of one step. */
import { evaluate, parseExpression } from "../language/expression.ts";
import type { PlaybookDef, StepOf } from "../language/schema.ts";
import type { PlaybookEvent } from "../protocol.ts";
import { pickOptions } from "../slots/options.ts";
import { TEXTS } from "../texts.ts";
import { askStates } from "./asks.ts";
import type { Reaction, StateDraft, Way } from "./compile.ts";
import { type RunContext, scopeOf } from "./context.ts";
import { forget } from "./corrections.ts";
import * as fx from "./effects.ts";
import type { FlowNode } from "./flow.ts";
import { answered, heardState, reprompted, waitState } from "./waiting.ts";

export interface Surroundings {
  readonly def: PlaybookDef;
  /** Slot → the step that asks for it first. */
  readonly asks: ReadonlyMap<string, FlowNode>;
}

type States = Record<string, StateDraft>;
const only = (context: RunContext): fx.Effect => ({ context, commands: [] });

export function statesOf(node: FlowNode, around: Surroundings): States {
  const { id, step, to } = node;
  const pass = (entry: Reaction): States => ({ [id]: { entry, always: [{ target: to.next! }] } });
  switch (step.verb) {
    case "say":
      return pass((c) => only(fx.draft(c, fx.text(c, step.say))));
    case "set":
      return pass((c) => {
        const scope = scopeOf(c);
        const values = Object.entries(step.set).map(([k, e]) => [k, evaluate(parseExpression(e), scope)]);
        return only({ ...c, vars: { ...c.vars, ...Object.fromEntries(values) } });
      });
    case "clear":
      return pass((c) => only(step.clear.reduce((next, slot) => forget(next, around.def, slot), c)));
    case "remember":
      return pass((c) => ({
        context: c,
        commands: [
          {
            type: "pb.remember",
            factType: step.remember,
            value: fx.fillIn(step.value, c) ?? null,
            text: fx.text(c, step.text),
          },
        ],
      }));
    case "offer":
      return pass((c) => ({
        context: c,
        commands: [
          {
            type: "pb.offer",
            offerId: step.offer,
            title: fx.text(c, step.title),
            text: fx.text(c, step.text),
            ...(step.value ? { value: fx.fillIn(step.value, c) as never } : {}),
          },
        ],
      }));
    case "if":
      return {
        [id]: { always: [{ target: to.do!, guard: (c) => fx.holds(c, step.if) }, { target: to.else! }] },
      };
    case "goto":
      return gotoStates(node, step);
    case "call":
      return callStates(node, step);
    case "task":
      return taskStates(node, step);
    case "confirm":
      return confirmStates(node, step, around);
    case "choose":
      return chooseStates(node, step, around);
    case "ask":
      return askStates(node, step, around);
    case "handoff":
      return { [id]: { final: true, entry: (c) => fx.handOver(c, around.def, step) } };
    case "end":
      return endStates(node, step, around);
  }
}

function gotoStates({ id, to }: FlowNode, step: StepOf<"goto">): States {
  const { max } = step;
  if (max === undefined) return { [id]: { always: [{ target: to.next! }] } };
  return {
    [id]: {
      entry: (c) => only({ ...c, loops: { ...c.loops, [id]: (c.loops[id] ?? 0) + 1 } }),
      always: [{ target: to.next!, guard: (c) => (c.loops[id] ?? 0) <= max }, { target: to.else! }],
    },
  };
}

const named = (c: RunContext, event: PlaybookEvent): boolean => "name" in event && event.name === c.awaiting;

/** The ways on after a failure: by reason or code, else `failed`. */
export function failureWays(to: Readonly<Record<string, string>>): Way[] {
  const codes = Object.keys(to).filter((l) => !NOT_CODES.has(l));
  return [
    ...codes.map((label) => ({
      target: to[label]!,
      guard: (c: RunContext) => c.error?.reason === label || c.error?.code === label,
    })),
    { target: to.failed! },
  ];
}
const NOT_CODES = new Set(["done", "failed", "filled", "unclear", "none"]);

export function failedWay(id: string): Way {
  return {
    target: `${id}:failed`,
    guard: named,
    run: (c, event) =>
      event.type === "call.failed" || event.type === "task.failed"
        ? only({ ...c, awaiting: null, at: event.at, error: fx.failureOf(event.error) })
        : only(c),
  };
}

/** An answer with the awaited name; `run` gets its value. */
export function doneWay(target: string, run: (c: RunContext, value: unknown) => RunContext): Way {
  return {
    target,
    guard: named,
    run: (c, event) =>
      event.type === "call.done" ? only(run({ ...c, awaiting: null, at: event.at }, event.value)) : only(c),
  };
}

function callStates({ id, to }: FlowNode, step: StepOf<"call">): States {
  return {
    [id]: {
      entry: (c) => fx.call(c, id, step.call, fx.fillIn(step.with, c)),
      on: {
        "call.done": [
          doneWay(to.done!, (c, value) => (step.as ? { ...c, vars: { ...c.vars, [step.as]: value } } : c)),
        ],
        "call.failed": [failedWay(id)],
      },
    },
    [`${id}:failed`]: { always: failureWays(to) },
  };
}

function taskStates({ id, to }: FlowNode, step: StepOf<"task">): States {
  const waiting = (c: RunContext): fx.Effect =>
    fx.question(c, id, "approval", fx.text(c, step.approval?.sentence ?? TEXTS.approval), []);
  return {
    [id]: {
      entry: (c) => fx.startTask(c, id, step),
      on: {
        "task.done": [
          {
            target: to.done!,
            guard: named,
            run: (c, event) =>
              event.type === "task.done"
                ? only({ ...c, awaiting: null, at: event.at, result: event.result })
                : only(c),
          },
        ],
        "task.failed": [failedWay(id)],
        // The desk's own rules may want an approval where the playbook does not.
        approval: [
          {
            guard: named,
            run: (c, event) => {
              if (event.type !== "approval") return only(c);
              const next = { ...c, at: event.at, approval: event.state };
              return event.state === "pending" ? waiting(next) : only(next);
            },
          },
        ],
        turn: [{ guard: (c) => c.approval === "pending", run: waiting }],
        resume: [{ guard: (c) => c.approval === "pending", run: waiting }],
      },
    },
    [`${id}:failed`]: { always: failureWays(to) },
  };
}

function confirmStates(node: FlowNode, step: StepOf<"confirm">, around: Surroundings): States {
  const { id, to } = node;
  const replies = step.quickReplies ?? ["Yes", "No"];
  return {
    [id]: waitState(node, around, {
      prompt: (c, again) => {
        const asked = fx.text(c, step.confirm);
        const words = again
          ? reprompted(step.reprompt ? fx.text(c, step.reprompt) : TEXTS.confirmAgain, asked)
          : asked;
        return fx.question(c, id, "confirm", words, ["yes_no", "order_number"], replies);
      },
      hear: (c, answer) => (answer.yesNo ? { ...answered(c, id), route: answer.yesNo } : undefined),
      reprompts: step.reprompts,
    }),
    [`${id}:heard`]: heardState(node, around, { yes: to.yes!, no: to.no! }),
  };
}

function chooseStates(node: FlowNode, step: StepOf<"choose">, around: Surroundings): States {
  const { id, to } = node;
  const options = step.options.map((o) => ({ value: o.value, label: o.label, words: o.words }));
  return {
    [id]: waitState(node, around, {
      prompt: (c, again) => {
        const asked = fx.text(c, step.choose);
        const words = again
          ? reprompted(step.reprompt ? fx.text(c, step.reprompt) : TEXTS.reprompt, asked)
          : asked;
        return fx.question(
          c,
          id,
          "choose",
          words,
          ["order_number"],
          options.map((o) => o.label),
        );
      },
      hear: (c, answer) => {
        const picked = pickOptions(options, answer.text, true);
        if (picked.length !== 1) return undefined;
        const value = String(picked[0]!.value);
        const vars = step.as ? { ...c.vars, [step.as]: value } : c.vars;
        return { ...answered(c, id), vars, route: `=${value}` };
      },
      reprompts: step.reprompts,
    }),
    [`${id}:heard`]: heardState(
      node,
      around,
      Object.fromEntries(options.map((o) => [`=${o.value}`, to[`=${o.value}`]!])),
    ),
  };
}

/** The end; or, when the customer named several orders, on to the next one. */
function endStates({ id }: FlowNode, step: StepOf<"end">, { def, asks }: Surroundings): States {
  const done: StateDraft = { final: true, entry: (c) => fx.finish(c, step.end, step.outcome) };
  const each = Object.entries(def.slots).find(([, s]) => s.type === "order" && s.each)?.[0];
  const again = each === undefined ? undefined : asks.get(each);
  if (!each || !again || step.end === "failed") return { [id]: done };
  return {
    [id]: { always: [{ target: `${id}:next`, guard: (c) => c.queue.length > 0 }, { target: `${id}:done` }] },
    [`${id}:next`]: {
      entry: (c) => {
        const [next, ...queue] = c.queue;
        const before = (c.slots[each] as { id?: string } | undefined)?.id;
        const cleared = forget(c, def, each);
        return only({
          ...cleared,
          queue,
          wanted: next === undefined ? null : [next],
          dealt: before === undefined ? c.dealt : [...c.dealt, before],
          latest: null,
          attempts: {},
          loops: {},
        });
      },
      always: [{ target: again.id }],
    },
    [`${id}:done`]: done,
  };
}
