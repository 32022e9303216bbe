/** Plain XState with LevelDB: an actor a conversation, whose snapshot is written before its reply counts. */
import { Level } from "level";
import { type Actor, assign, createActor, fromPromise, setup, waitFor } from "xstate";
import { classify, type Intent, lookUp, orderIn, replyTo } from "../support-turn.ts";
import { serveTurns } from "./turns.ts";

interface Context {
  readonly turns: number;
  readonly intent: Intent;
  readonly order: string;
  readonly said: string;
}

const machine = setup({
  types: {} as { context: Context; events: { type: "message"; text: string } },
  actors: {
    lookUp: fromPromise(async ({ input }: { input: { order: string } }) => lookUp(input.order)),
  },
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

class Plain {
  #db!: Level<string, string>;
  readonly #actors = new Map<string, Promise<Actor<typeof machine>>>();
  readonly #last = new Map<string, Promise<unknown>>();

  async start(dir: string): Promise<void> {
    this.#db = new Level(`${dir}/plain`);
    await this.#db.open();
  }

  /** One turn of a conversation after the other. */
  turn(conversation: string, text: string): Promise<string> {
    const mine = (this.#last.get(conversation) ?? Promise.resolve()).then(async () => {
      const actor = await this.#actor(conversation);
      actor.send({ type: "message", text });
      await this.#write(conversation, actor);
      const { context } = await waitFor(actor, (snapshot) => snapshot.matches("idle"));
      await this.#write(conversation, actor);
      return context.said;
    });
    this.#last.set(
      conversation,
      mine.catch(() => {}),
    );
    return mine;
  }

  async turnsOf(conversation: string): Promise<number> {
    const kept = await this.#db.get(conversation);
    return kept === undefined ? 0 : (JSON.parse(kept) as { context: Context }).context.turns;
  }

  async stop(): Promise<void> {
    await this.#db?.close();
  }

  #write(conversation: string, actor: Actor<typeof machine>): Promise<void> {
    return this.#db.put(conversation, JSON.stringify(actor.getPersistedSnapshot()));
  }

  #actor(conversation: string): Promise<Actor<typeof machine>> {
    let actor = this.#actors.get(conversation);
    if (!actor) {
      actor = this.#db.get(conversation).then((kept) => {
        const snapshot = kept === undefined ? undefined : JSON.parse(kept);
        return createActor(machine, { snapshot }).start();
      });
      this.#actors.set(conversation, actor);
    }
    return actor;
  }
}

serveTurns(new Plain());
