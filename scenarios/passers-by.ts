/**
 * Customers who keep a desk busy, over all playbooks. Around those that count: a desk that has just been started runs code
 * that no compiler has optimised yet, and its budgets are those of one that has been open for a while. They ask in other
 * words than the recorded customers, so that nothing of what is measured has been encoded before, and what they change is
 * their own.
 */
import { type FactOrder, type FactWorld, seeded } from "./facts/index.ts";
import type { Scenario, ScenarioStep } from "./format.ts";

/** How many may come while those who count are on the desk: more than it takes, since the last of them ends it. */
const MEANWHILE = 200;

/** @param n how many come before. None: those who count have the desk for themselves. */
export function extrasFor(
  world: FactWorld,
  n: number,
  not: ReadonlySet<string>,
): { before: Scenario[]; until: Scenario[] } {
  const all = passersBy(world, n === 0 ? 0 : n + MEANWHILE, not);
  return { before: all.slice(0, n), until: all.slice(n) };
}

/** One in so many asks for a person, who answers and hands back. */
const PERSON = 20;

/** @param not customers that count */
export function passersBy(world: FactWorld, n: number, not: ReadonlySet<string> = new Set()): Scenario[] {
  const random = seeded(11);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const orders = [...world.orders.values()].filter((o) => !not.has(o.customerId));
  if (orders.length === 0) return [];
  return Array.from({ length: n }, (_, i): Scenario => {
    const order = pick(orders);
    const vouched = i % 2 === 1;
    const steps =
      i % PERSON === PERSON - 1
        ? WITH_A_PERSON
        : pick(scriptsOf(world, order, vouched)).map((customer) => ({ customer }));
    const customer = vouched ? { id: order.customerId } : {};
    const given = { channel: "chat", customer, vouched, records: {}, after: [] };
    return { name: `passer-by.${i}`, file: "", given, steps: [...steps] };
  });
}

const WITH_A_PERSON: readonly ScenarioStep[] = [
  { customer: "Put me through to one of your human colleagues" },
  { agent: "accept" },
  { agent: { say: "This is Kim. What is it about?" } },
  { agent: { return: { summary: "Wanted to hear a voice.", instruction: "How long does delivery take?" } } },
  { customer: "Fine, that was it. Goodbye" },
];

/** What customers say about an order, message by message; with who they are where nobody vouches for them. */
function scriptsOf(world: FactWorld, order: FactOrder, vouched: boolean): string[][] {
  const { email, postcode, firstName, lastName } = world.customers.get(order.customerId)!;
  const item = order.items[0]!.name;
  const who = vouched ? "" : `I am ${firstName} ${lastName}, ${email}, postcode ${postcode}.`;
  return [
    [
      `Any news on the parcel ${order.id}? ${who}`,
      `What else was in ${order.id} besides the ${item}?`,
      "That helps, thank you",
    ],
    [
      `Do you know how many days I have got for sending back a ${item}?`,
      `And where is ${order.id} now? ${who}`,
      "Fine, thanks",
    ],
    [
      `I might send back the ${item} of ${order.id}. ${who}`,
      "No, I will keep it after all",
      "Thanks, that was it",
    ],
    [`Could you stop ${order.id}? ${who}`, "No, leave it as it is please", "Good. Goodbye"],
    [
      `Which colours does the ${item} come in?`,
      `Is the ${item} in order ${order.id}? ${who}`,
      "Great, thank you",
    ],
    [
      `When will ${order.id} get here? It was meant as a present for my sister. ${who}`,
      "And what did I pay for it in total?",
      "Thanks a lot",
    ],
    [
      `We have moved house, can ${order.id} be sent somewhere else? ${who}`,
      "Leave it as it was, never mind",
      "Thank you, bye",
    ],
    [
      `Might I get the ${item} of ${order.id} in some other version? ${who}`,
      "No, I would rather keep mine",
      "Thanks anyway",
    ],
    [`My ${item} out of ${order.id} came broken. ${who}`, "Never mind, I will live with it", "Good, thanks"],
    [
      `${order.id} has never turned up at my door. ${who}`,
      "Oh, a neighbour took it in, never mind",
      "Sorry for the trouble, bye",
    ],
    [`Could we go through my latest bill together? ${who}`, "That makes it clear", "Many thanks for that"],
    [`My last payment seems to have bounced. ${who}`, "No, I will see to it another day", "Thanks so far"],
    [
      `Which other subscription could I move to? ${who}`,
      "No, I stay with what I have got",
      "Alright, thanks",
    ],
    [`How would I get out of my subscription? ${who}`, "No, keep it running please", "Okay, thank you"],
    [`Am I anywhere near the cap of my plan? ${who}`, "No more than that is needed", "Lovely, thank you"],
    [`I do not want ${order.id} any longer. ${who}`, "Sure, go on", "Great, thanks"],
    [
      `Kindly deliver ${order.id} to 77 Alder Court, Easton, PA 18042, USA. ${who}`,
      "Correct, go on",
      "Splendid, bye",
    ],
    [`All that came with ${order.id} goes back to you. ${who}`, "Right, go on", "Cheers"],
    [`Please put me on your Plus plan. ${who}`, "Indeed, go on", "Wonderful, thanks"],
    [`Take me out of the subscription for good. ${who}`, "Still, take me out", "Right, go on", "Thanks, bye"],
    ["Do parcels of yours reach small islands?", "And which cards may one pay with?", "Very kind, bye"],
    ["Hello there", "How can I get into my account again?", "Perfect, thanks"],
  ];
}
