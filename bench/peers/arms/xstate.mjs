/** Plain XState with LevelDB: an actor a conversation, whose snapshot is written when it begins a turn and before its reply counts. */
import { Level } from "level";
import { assign, createActor, fromPromise, setup, waitFor } from "xstate";
import { serveTurns } from "../../../dist/bench/peers/turns.js";
import { classify, lookUp, orderIn, replyTo } from "../../../dist/bench/support-turn.js";

const machine = setup({
  actors: { lookUp: fromPromise(async ({ input }) => lookUp(input.order)) },
}).createMachine({
  initial: "idle",
  context: { turns: 0, intent: "other", order: "", said: "" },
  states: {
    idle: {
      on: {
        message: {
          target: "looking",
          actions: assign({
            intent: ({ event }) => classify(event.text),
            order: ({ event }) => orderIn(event.text),
          }),
        },
      },
    },
    looking: {
      invoke: {
        src: "lookUp",
        input: ({ context }) => ({ order: context.order }),
        onDone: {
          target: "idle",
          actions: assign({
            turns: ({ context }) => context.turns + 1,
            said: ({ context, event }) => replyTo(context.intent, event.output),
          }),
        },
      },
    },
  },
});

let db;
const actors = new Map();
/** One turn of a conversation after the other. */
const last = new Map();

function actorOf(conversation) {
  let actor = actors.get(conversation);
  if (!actor) {
    actor = db.get(conversation).then((kept) => {
      const snapshot = kept === undefined ? undefined : JSON.parse(kept);
      return createActor(machine, { snapshot }).start();
    });
    actors.set(conversation, actor);
  }
  return actor;
}

const write = (conversation, actor) => db.put(conversation, JSON.stringify(actor.getPersistedSnapshot()));

serveTurns({
  async start(dir) {
    db = new Level(`${dir}/plain`);
    await db.open();
  },
  turn(conversation, text) {
    const mine = (last.get(conversation) ?? Promise.resolve()).then(async () => {
      const actor = await actorOf(conversation);
      actor.send({ type: "message", text });
      await write(conversation, actor);
      const { context } = await waitFor(actor, (snapshot) => snapshot.matches("idle"));
      await write(conversation, actor);
      return context.said;
    });
    last.set(
      conversation,
      mine.catch(() => {}),
    );
    return mine;
  },
  async turnsOf(conversation) {
    const kept = await db.get(conversation);
    return kept === undefined ? 0 : JSON.parse(kept).context.turns;
  },
  stop: () => db?.close(),
});
