/** Plays a simulated customer against a desk: he reads what the desk says, and answers as somebody would who wants one thing. */
import { type DeskAccess, deskRequest } from "../desk-client.ts";
import { ConversationDriver, type DriverOptions } from "../driver.ts";
import type { Persona } from "./persona.ts";
import { Voice } from "./phrases.ts";

export interface SimulatedRun {
  readonly name: string;
  readonly goal: Persona["goal"];
  readonly conversation: string;
  readonly turns: number;
  /** How the desk says that it ended. */
  readonly outcome: string | null;
  readonly handoff: string | null;
  /** The customer left content: what he came for was said or done, or he had it left as it was. */
  readonly content: boolean;
  readonly error?: string;
}

/** Messages of one customer, after which he gives up. */
const MOST_TURNS = 10;

const asks = {
  score: /\bfrom 1\b.*\bto 5\b/i,
  more: /anything else|something else I can/i,
  confirm: /\b(?:shall|should|may) I\b|is that (?:right|correct)|do you want me to|would you like me to/i,
  who: /e-?mail|postcode|who you are|make sure (?:that )?it'?s you|verify/i,
  address: /new address|street and number/i,
  which: /which (?:one|order)|order number|the number or an item/i,
  item: /which (?:item|product)/i,
  reason: /why\b.*\?|what is the reason/i,
  choice: /which (?:plan|variant|colour|invoice|method|card)|choose|would you like instead/i,
} as const;

export async function simulate(
  persona: Persona,
  access: DeskAccess,
  options: DriverOptions = {},
): Promise<SimulatedRun> {
  const driver = new ConversationDriver(access, options);
  const voice = new Voice(persona);
  let error: string | undefined;
  let content = false;
  let state: Awaited<ReturnType<ConversationDriver["state"]>> | undefined;
  try {
    const { vouched, order } = persona;
    await driver.open({ channel: "chat", customer: vouched ? { id: order.customerId } : {}, vouched });
    const mind = new Mind(persona, voice);
    let next: string | undefined = voice.opening();
    while (next !== undefined && driver.sent.length < MOST_TURNS) {
      const heard = driver.replies.length;
      await driver.send(next);
      state = await driver.settled();
      if (state.state === "waitingForHuman") {
        await answerAsPerson(access, driver.id);
        state = await driver.settled();
        break;
      }
      next = mind.answer(
        driver.replies
          .slice(heard)
          .map(({ text }) => text)
          .join("\n"),
      );
    }
    content = mind.content;
    state = await driver.settled();
  } catch (caught) {
    error = (caught as Error).message;
  }
  await driver.close();
  return {
    name: persona.name,
    goal: persona.goal,
    conversation: driver.id,
    turns: driver.sent.length,
    outcome: state?.outcome ?? null,
    handoff: (driver.events.find(({ event }) => event === "handoff")?.data.reason as string) ?? null,
    content,
    ...(error === undefined ? {} : { error }),
  };
}

/** What he makes of a reply. */
class Mind {
  content = false;
  readonly #p: Persona;
  readonly #voice: Voice;
  #digressed = false;
  #useless = 0;
  #said = new Set<string>();

  constructor(persona: Persona, voice: Voice) {
    this.#p = persona;
    this.#voice = voice;
  }

  /** The next message; undefined when he leaves. */
  answer(reply: string): string | undefined {
    const { declines, digresses, rates, random } = this.#p;
    const voice = this.#voice;
    const first = (what: string): boolean => !this.#said.has(what) && this.#said.add(what) !== undefined;
    if (asks.score.test(reply)) return rates && first("score") ? voice.score() : undefined;
    if (digresses && !this.#digressed && random() < 0.5) {
      this.#digressed = true;
      return voice.digression();
    }
    if (asks.confirm.test(reply)) {
      this.content = true;
      return declines ? voice.no() : voice.yes();
    }
    if (asks.who.test(reply) && /\?|please|tell me|need/i.test(reply) && first("who")) return voice.who();
    if (asks.address.test(reply) && first("address")) return voice.address();
    if (asks.reason.test(reply) && first("reason")) return voice.reason();
    if (asks.which.test(reply) && first("which")) return voice.order();
    if (asks.item.test(reply) && first("item")) return voice.item();
    if (asks.choice.test(reply) && first("choice")) return voice.choice();
    if (asks.more.test(reply) || !/\?/.test(reply)) {
      if (!first("bye")) return undefined;
      this.content = true;
      return voice.bye();
    }
    this.#useless++;
    if (this.#useless > this.#p.patience) return first("annoyed") ? voice.annoyed() : undefined;
    return voice.again();
  }
}

/** Somebody of the team takes it, says a word and gives it back. */
async function answerAsPerson(access: DeskAccess, conversation: string): Promise<void> {
  const agent = "simulated";
  const { handoffs } = await deskRequest(access, "GET", "/v1/admin/handoffs");
  const open = handoffs.find((h: { conversationId: string }) => h.conversationId === conversation);
  if (!open) return;
  const tell = (verb: string, body: object) =>
    deskRequest(access, "POST", `/v1/admin/handoffs/${open.id}/${verb}`, { body: { agent, ...body } });
  await tell("accept", {});
  await tell("reply", { text: "Hello, I have taken this over and will see to it." });
  await tell("close", {}).catch(() => tell("return", { summary: "Seen to.", instruction: "" }));
}
