/** What simulated customers say. */
import type { Goal, Persona } from "./persona.ts";

type Say = (p: Persona) => string;

const item = ({ order }: Persona): string => order.items[0]?.name ?? "parcel";

const OPENINGS: Readonly<Record<Goal, readonly Say[]>> = {
  "cancel-order": [
    (p) => `I'd like to cancel order ${p.order.id}`,
    (p) => `please stop ${p.order.id}, I don't need the ${item(p)} any more`,
    (p) => `Can I still call off my order of the ${item(p)}?`,
    (p) => `cancel ${p.order.id} please, I ordered it by mistake`,
  ],
  "order-status": [
    (p) => `Where is my order ${p.order.id}?`,
    (p) => `hi, any news about ${p.order.id}`,
    (p) => `When will the ${item(p)} arrive?`,
    (p) => `I'm waiting for ${p.order.id}, has it been shipped yet?`,
  ],
  return: [
    (p) => `I want to send back the ${item(p)} from ${p.order.id}`,
    (p) => `How do I return order ${p.order.id}? It isn't what I expected`,
    (p) => `The ${item(p)} doesn't suit me, I'd like my money back for ${p.order.id}`,
  ],
  exchange: [
    (p) => `Can I swap the ${item(p)} of ${p.order.id} for another colour?`,
    (p) => `I'd like to exchange the ${item(p)} in order ${p.order.id}`,
    (p) => `The ${item(p)} from ${p.order.id} is the wrong size, can I get another one instead?`,
  ],
  damaged: [
    (p) => `The ${item(p)} from order ${p.order.id} arrived broken`,
    (p) => `my ${item(p)} has a crack, ${p.order.id}`,
    (p) => `Order ${p.order.id} came damaged and I'm not happy about it`,
  ],
  missing: [
    (p) => `My parcel ${p.order.id} never arrived`,
    (p) => `tracking says delivered but I don't have ${p.order.id}`,
    (p) => `The package with the ${item(p)} is lost, order ${p.order.id}`,
  ],
  address: [
    (p) => `Please send ${p.order.id} to another address`,
    () => "I have moved and need to change my address",
    (p) => `can ${p.order.id} go to 12 Hazel Court, Newtown, PA 18940, USA instead`,
  ],
  invoice: [
    () => "I have a question about my latest invoice",
    () => "What is this charge on my bill?",
    () => "can you explain my last invoice to me",
  ],
  payment: [
    () => "My payment failed, what now?",
    () => "my card was declined, can you try again",
    () => "I'd like to pay the invoice that didn't go through",
  ],
  plan: [
    () => "I want to change my plan",
    () => "Can I switch to a smaller plan?",
    () => "please move me to the Plus plan",
  ],
  "cancel-subscription": [
    () => "I want to cancel my subscription",
    () => "How do I end my membership?",
    () => "please stop my subscription, it's too expensive",
  ],
  usage: [
    () => "How much of my plan have I used?",
    () => "am I close to the limit of my plan",
    () => "Do I need a larger plan?",
  ],
  product: [
    (p) => `Which colours does the ${item(p)} come in?`,
    (p) => `is the ${item(p)} available`,
    (p) => `What does the ${item(p)} cost?`,
  ],
  question: [
    () => "How long do I have for sending something back?",
    () => "Do you ship to Canada?",
    () => "which payment methods do you accept",
    () => "How can I reset my password?",
    () => "What does delivery cost?",
  ],
  person: [
    () => "I want to talk to a human",
    () => "Please put me through to one of your colleagues",
    () => "can I speak with a real person",
  ],
};

const DIGRESSIONS: readonly string[] = [
  "By the way, how long does delivery usually take?",
  "one more thing, do you have gift cards?",
  "Quick question first: can I pay by invoice?",
  "and what are your opening hours",
];
const YES: readonly string[] = [
  "yes please",
  "Yes, go ahead",
  "sure, do it",
  "Yes.",
  "that's right, please do",
];
const NO: readonly string[] = [
  "no, leave it as it is",
  "No thanks",
  "Actually no, I changed my mind",
  "better not",
];
const BYE: readonly string[] = ["Thanks, that's all", "great, thank you!", "ok bye", "Perfect. Goodbye"];
const ANNOYED: readonly string[] = [
  "This isn't helping, let me talk to a person",
  "I'd rather speak to somebody of your team",
  "can a human look at this please",
];
const AGAIN: readonly string[] = ["that's not what I asked.", "hm, I meant:", "Let me try again:", "no,"];

export class Voice {
  readonly #p: Persona;

  constructor(persona: Persona) {
    this.#p = persona;
  }

  opening(): string {
    const { thorough, vouched } = this.#p;
    const opening = this.#wanted();
    return this.#typed(thorough && !vouched ? `${opening} ${this.#who()}` : opening);
  }

  again(): string {
    return this.#typed(`${this.#pick(AGAIN)} ${this.#wanted()}`);
  }

  who(): string {
    return this.#typed(this.#who());
  }

  yes = (): string => this.#typed(this.#pick(YES));
  no = (): string => this.#typed(this.#pick(NO));
  bye = (): string => this.#typed(this.#pick(BYE));
  annoyed = (): string => this.#typed(this.#pick(ANNOYED));
  digression = (): string => this.#typed(this.#pick(DIGRESSIONS));
  score = (): string => String(1 + Math.floor(this.#p.random() * 5));
  order = (): string => this.#typed(`it's ${this.#p.order.id}`);
  item = (): string => this.#typed(this.#pick([`the ${item(this.#p)}`, item(this.#p)]));
  address = (): string =>
    this.#typed(`${10 + Math.floor(this.#p.random() * 80)} Hazel Court, Newtown, PA 18940, USA`);
  choice = (): string => this.#pick(["the first one", "1", "whatever is cheapest", "the last one"]);
  reason = (): string =>
    this.#typed(this.#pick(["it is too expensive", "I don't need it any more", "I found it cheaper"]));

  #wanted(): string {
    return this.#pick(OPENINGS[this.#p.goal])(this.#p);
  }

  #who(): string {
    const { email, postcode, fullName, order } = this.#p;
    return this.#pick([
      `I am ${fullName}, ${email}, order ${order.id}`,
      `${email}, postcode ${postcode}, ${order.id}`,
      `my name is ${fullName}, e-mail ${email}, and the order is ${order.id}`,
    ]);
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#p.random() * list.length)]!;
  }

  /** As fingers type it: letters swapped, left out or doubled, in words only. */
  #typed(text: string): string {
    const { typos, random } = this.#p;
    if (typos === 0) return text;
    return text.replace(/(?<![\p{L}\p{N}@.])\p{Ll}{4,}(?![\p{L}\p{N}@.])/gu, (word) => {
      if (random() >= typos * 2) return word;
      const at = 1 + Math.floor(random() * (word.length - 2));
      const kind = random();
      if (kind < 0.4) return word.slice(0, at) + word[at + 1]! + word[at]! + word.slice(at + 2);
      if (kind < 0.7) return word.slice(0, at) + word.slice(at + 1);
      return word.slice(0, at) + word[at]! + word.slice(at);
    });
  }
}
