/**
 * The conversation: who has the word, what a message means, what is done about it, and how it ends.
 *
 * Every transition runs one function of the modules beside this file on a `Step` and goes to `deciding`, which is
 * passed through at once to the state that the step chose. Events that a state does not name change nothing: a late
 * answer cannot wake a conversation that a person has taken over.
 */
import {
  type ActorEvent,
  type ActorInput,
  type AnyStateMachine,
  assign,
  type Effect,
  enqueueActions,
  setup,
} from "../../runtime/host/machine.ts";
import { openAgent } from "./agentic.ts";
import { type Conversation, type ConversationContext, newConversation, PHASES } from "./context.ts";
import { answered, patience, settled } from "./flow.ts";
import * as human from "./human.ts";
import { handOff } from "./human.ts";
import * as outcome from "./outcome.ts";
import * as queue from "./queue.ts";
import { type Act, type DialogSettings, Step } from "./step.ts";
import { say } from "./wording.ts";

export function conversationMachine(settings: DialogSettings): AnyStateMachine {
  /** One fold: change a copy, take up what waits, then do what was collected. */
  const step = (change: (s: Step) => void) =>
    enqueueActions(({ context, event, enqueue, self }: any) => {
      const s = new Step(context.d, event as ActorEvent, settings);
      change(s);
      queue.drain(s);
      enqueue.assign({ d: s.c });
      for (const act of s.acts) carryOut(act, enqueue, self);
    });
  const on = (change: (s: Step) => void) =>
    ({ target: "#conversation.deciding", actions: step(change) }) as const;
  const stay = (change: (s: Step) => void) => ({ actions: step(change) }) as const;
  const queued = { "customer.message": stay(queue.message) };
  /** News of tasks and people come in any state and wait for their turn. */
  const news = {
    "task.finished": on(queue.taskFinished),
    "task.settled": on(queue.taskSettled),
    "task.approval": on(queue.approvalWanted),
    "human.approved": on(queue.approvalDecided),
    "human.declined": on(queue.approvalDecided),
  };
  const quietNews = Object.fromEntries(
    Object.entries(news).map(([type, transition]) => [type, { actions: transition.actions }]),
  );

  return setup({
    types: {} as {
      context: ConversationContext;
      events: ActorEvent;
      input: ActorInput;
      emitted: Effect;
    },
    actors: { ...settings.playbooks.machines } as Record<string, AnyStateMachine>,
    delays: {
      silence: ({ context }: { context: ConversationContext }) =>
        context.d.nudged ? settings.dialog.abandonMs : settings.dialog.silenceMs,
      satisfaction: () => settings.dialog.satisfactionMs,
      patience: () => settings.dialog.taskPatienceMs,
    },
  }).createMachine({
    id: "conversation",
    context: ({ input }: { input: ActorInput }) => ({ d: newConversation(input.address.id) }),
    initial: "listening",
    on: {
      "conversation.open": on(opened),
      "conversation.close": on(outcome.closeNow),
      "digest.*": stay(answered),
      "gist.*": stay(answered),
      satisfaction: stay((s) => outcome.scored(s, Number(s.event.data?.score))),
      "host.quarantined": on(brokenDown),
      "xstate.error.actor.*": on(brokenDown),
    },
    states: {
      listening: {
        on: { "customer.message": on(queue.message), ...news },
        after: { silence: on(outcome.silence) },
      },
      // A model that leads and does not answer leaves the turn before memory may have answered, which the reply waits for.
      understanding: {
        on: { ...queued, "understand.*": on(answered), "recall.*": on(answered), ...quietNews },
      },
      verifying: {
        on: {
          ...queued,
          "verify.*": on(answered),
          "identify.*": on(answered),
          "recall.*": on(answered),
          "facts.*": on(answered),
          ...quietNews,
        },
      },
      playbook: {
        on: {
          ...queued,
          "pb.*": { actions: collect },
          "playbook.settled": on(settled),
          "call.*": on(answered),
          "recall.*": on(answered),
          ...quietNews,
        },
        after: { patience: on(patience) },
      },
      answering: {
        on: {
          ...queued,
          "search.*": on(answered),
          "aside.*": on(answered),
          "recall.*": on(answered),
          "answer.*": on(answered),
          "ground.*": on(answered),
          ...quietNews,
        },
      },
      agentic: {
        on: {
          ...queued,
          "propose.*": on(answered),
          "check.*": on(answered),
          "skill.*": on(answered),
          "recall.*": on(answered),
          ...news,
        },
      },
      waitingForHuman: {
        on: {
          "customer.message": stay(human.messageWhileWaiting),
          "human.accepted": on(human.accepted),
          "human.late": stay(human.late),
          "human.returned": on(human.returned),
          "human.closed": on(outcome.closedByHuman),
          ...quietNews,
        },
      },
      withHuman: {
        on: {
          "customer.message": stay(human.messageWhileHuman),
          "human.message": stay(human.humanMessage),
          "human.returned": on(human.returned),
          "human.closed": on(outcome.closedByHuman),
          ...quietNews,
        },
      },
      satisfaction: {
        on: {
          "customer.message": on(queue.message),
          satisfaction: on((s) => outcome.scored(s, Number(s.event.data?.score))),
          ...news,
        },
        after: { satisfaction: on(outcome.shut) },
      },
      closed: { on: { "customer.message": on(queue.message), ...news } },
      deciding: {
        always: PHASES.map((phase) => ({
          guard: ({ context }: { context: ConversationContext }) => context.d.phase === phase,
          target: phase,
        })),
      },
    },
  } as any) as unknown as AnyStateMachine;
}

/** What a playbook says is looked at when it has said everything. */
const collect = assign(({ context, event }: any) => ({
  d: { ...context.d, inbox: [...context.d.inbox, event] } as Conversation,
}));

function carryOut(act: Act, enqueue: any, self: unknown): void {
  if (act.do === "emit") enqueue.emit(act.effect);
  else if (act.do === "spawn") enqueue.spawnChild(act.src, { id: act.id, input: act.input });
  else if (act.do === "send") enqueue.sendTo(act.id, act.event);
  else if (act.do === "stop") enqueue.stopChild(act.id);
  else enqueue.sendTo(() => self, { type: "playbook.settled" });
}

function opened(s: Step): void {
  const {
    channel,
    customer = {},
    vouched,
    text,
    locale,
    model,
    escalation,
    playbooks,
    agent,
  } = s.event.data ?? {};
  const { c } = s;
  if (c.turn > 0) return;
  if (typeof channel === "string") c.channel = channel;
  if (typeof locale === "string") c.locale = locale;
  if (model === false) c.withoutModel = true;
  else if (typeof model === "string") c.model = model;
  if (escalation) c.escalation = escalation;
  if (playbooks) c.playbooks = playbooks;
  c.customer.vouched = vouched === true;
  if (customer.id) c.customer.claimedId = String(customer.id);
  // Said, not shown: it counts like what the customer writes.
  if (customer.email) c.evidence.emails.push(String(customer.email).toLowerCase());
  if (customer.name) c.evidence.names.push(String(customer.name));
  s.channel("status", { state: "open" });
  if (agent) openAgent(s, agent);
  if (typeof text === "string" && text !== "") queue.message(s);
}

/** Something of ours broke. The customer is not left with it. */
function brokenDown(s: Step): void {
  const { phase } = s.c;
  if (phase === "waitingForHuman" || phase === "withHuman") return;
  if (phase === "closed" && s.event.type !== "host.quarantined") return;
  if (phase !== "listening" && phase !== "closed") s.c.open = [];
  handOff(s, { reason: "error", sentence: say.handoff.error });
}
