/** Everything that the conversation itself says. Short, exact, friendly; playbooks have their own sentences. */

const FACTORS: Readonly<Record<string, string>> = {
  email: "the e-mail address of your account",
  order: "an order number",
  postcode: "the postcode of your address",
  name: "your full name",
};

/** `a`, `a or b`, `a, b or c`. */
export function either(parts: readonly string[], word = "or"): string {
  if (parts.length < 2) return parts[0] ?? "";
  return `${parts.slice(0, -1).join(", ")} ${word} ${parts.at(-1)}`;
}

const both = (parts: readonly string[]): string => either(parts, "and");

/**
 * What would verify a customer, as one sentence part.
 * @param ways sets of factors; one set is enough
 */
export function meansOf(ways: readonly (readonly string[])[]): string {
  const texts = ways.map((way) => both(way.map((factor) => FACTORS[factor] ?? factor)));
  return ways.some((way) => way.length > 1) && ways.length > 1 ? texts.join(", or ") : either(texts);
}

export const say = {
  greeting: (name?: string) =>
    name ? `Hello ${name}, what can I do for you?` : "Hello, what can I do for you?",
  introduction:
    "I'm an automatic assistant. I can look up and change orders, invoices and subscriptions, and bring in a colleague whenever you'd like one. What can I do for you?",
  empty: "I couldn't see any text in that message. What can I do for you?",
  emoji: "I can see you, but I can't tell what you need yet. What can I do for you?",
  refuse:
    "I can't follow instructions of that kind, and nothing has been changed. I'm glad to help with your orders, invoices or subscription.",
  apologise: "I'm sorry about the trouble this has caused you.",
  more: "Is there anything else I can do for you?",
  go: "Of course. What can I do for you?",
  left: "All right, I've left that as it was.",
  next: "Now to your other request.",
  offerBack: (label: string) => `Shall we go on with what we had begun (${label})?`,
  offerReplies: ["Yes, go on", "No, leave it"],
  rephrase:
    "I'm not sure that I understood. Could you tell me in a few words what it is about: an order, an invoice, your subscription, or something else?",
  clarifyOne: (label: string) => `Do you mean: ${label}?`,
  clarify: (labels: readonly string[]) => `Do you mean ${either(labels.map((l) => `“${l}”`))}?`,
  quote: (text: string, title: string) => `“${text}”\n(From our article “${title}”.)`,
  noAnswer: (question: string) =>
    `On your question “${question}” I have nothing here, and I don't want to guess; a colleague can tell you, just ask for one.`,
  pending: "That is still with my colleague, and I'll tell you here as soon as it's decided.",
  slow: "Sorry for the delay.",
  stillWorking:
    "This is taking a little longer than usual. I'm still on it and will tell you here as soon as it's done.",
  identity: "Thank you, I've noted that. What can I do for you?",
  /** @param label what waits for a yes: `cancel an order` */
  notYet: (label: string) =>
    `You're welcome! One thing is still open, since I haven't had your yes for it (${label}). Say “yes” if I should go on; otherwise I leave it as it is.`,
  notFinished: (label: string) =>
    `You're welcome! One thing is still open, since an answer was missing (${label}). You can go on with it whenever you like.`,
  ordersAtHand: (lines: readonly string[]) =>
    lines.length === 1
      ? `I have this order in front of me:\n- ${lines[0]}`
      : `I have these orders in front of me:\n${lines.map((line) => `- ${line}`).join("\n")}`,
  ordersLately: (lines: readonly string[]) =>
    `These are your latest orders:\n${lines.map((line) => `- ${line}`).join("\n")}`,
  nothingToSay: "I've noted that.",

  needed: (means: string) =>
    `To open your account I need to make sure that it's you. Please send me ${means}.`,
  neededMore: (means: string) => `Thank you. To make sure that it's you I still need ${means}.`,
  noMatch: (means?: string) =>
    `I'm sorry, I couldn't find an account that fits these details. Please check them${means ? `, or send me ${means}` : " and send them again"}.`,
  noMatchAgain: (means?: string) =>
    `I've looked again, and these details don't fit an account either. Often it's a slip of a letter or a digit, another e-mail address, or the postcode of an earlier address.${means ? ` What I can look for is ${means}.` : " Please try another one."}`,
  nothingNew: (means?: string) =>
    `I can't show or change anything before I know that it's you.${means ? ` Please send me ${means}.` : ""} If you have nothing else at hand, tell me and I'll bring in a colleague.`,
  thanksName: (name?: string) => (name ? `Thank you, ${name}.` : "Thank you."),
  hello: (name?: string) => (name ? `Hello ${name}.` : ""),
  remembered: (text: string, day: string) => `On ${day} you told us: “${text}”.`,
  noted: "Thank you, I'll remember that.",
  nothingRemembered: "There is nothing that I have noted about you yet.",
  rememberedList: (lines: readonly string[]) => `This is what I have noted about you:\n${lines.join("\n")}`,

  handoff: {
    asked:
      "Of course. I'm passing you on to a colleague, who can see what we've written so far and will answer you here.",
    angry:
      "I'm sorry that this has been so annoying. I'm passing you on to a colleague, who can see everything so far and will answer you here.",
    unsure:
      "I don't want to keep you guessing. I'm passing this on to a colleague, who will answer you here.",
    unverified:
      "I couldn't make sure that this is your account, so I'm passing you on to a colleague, who will help you here.",
    records_down:
      "I'm sorry, I can't reach our customer records at the moment. I'm passing this on to a colleague, who will answer you here.",
    error:
      "I'm sorry, something went wrong on our side. I'm passing this on to a colleague, who will answer you here.",
    playbook: "I'm passing this on to a colleague, who will answer you here.",
  } as Readonly<Record<string, string>>,
  waiting: ["Thank you. I've added that for my colleague.", "Thank you, my colleague will see that too."],
  late: "I'm sorry that it's taking so long: all my colleagues are busy. If you'd rather not wait, leave your e-mail address here and somebody will write to you.",
  callback: (email: string) => `Thank you. A colleague will write to ${email}.`,
  back: "I'm back and can go on from here.",
  approvalNoted: "A colleague has to approve this. I'll tell you here as soon as it's decided.",
  settled: {
    done: (label: string) => `Good news about your request (${label}): it has now been confirmed.`,
    failed: (label: string) =>
      `About your request (${label}): it did not go through, and nothing has been changed.`,
  },

  nudge: "Are you still there? Take your time; I'm here when you're ready.",
  nudgeDone: "Is there anything else I can do for you? If not, you can simply leave; your request is done.",
  bye: "You're welcome. Goodbye, and take care!",
  satisfaction: "You're welcome! Before you go: how was this, from 1 (poor) to 5 (very good)?",
  satisfactionReplies: ["5", "4", "3", "2", "1"],
  scored: (score: number) =>
    score >= 4
      ? "Thank you, I'm glad to hear that. Goodbye!"
      : "Thank you for telling us; we'll look at how to do better. Goodbye!",
};

const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);

/** `3 May 2026`, in UTC. */
export function day(at: number): string {
  const date = new Date(at);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}
