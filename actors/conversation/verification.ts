/**
 * Making sure who the customer is. Only when a playbook needs it, or when the channel vouches for him. Until then no
 * record is shown or changed.
 */
import type { Json } from "../../runtime/json.ts";
import type { Understanding } from "../playbooks/protocol.ts";
import type { Evidence } from "./context.ts";
import { customerWords } from "./history.ts";
import { recall } from "./memory.ts";
import { endTurn } from "./reply.ts";
import type { Step } from "./step.ts";
import { meansOf, say } from "./wording.ts";

/** Values of one sort that are kept. */
const KEPT = 6;
const SORTS: Readonly<Record<string, keyof Evidence>> = {
  email: "emails",
  postcode: "postcodes",
  order_number: "orders",
  name: "names",
};
/** Ways that are named in one sentence. */
const WAYS = 3;
/** Used where the records do not say what they want. */
const USUAL_MEANS = [
  ["order", "email"],
  ["order", "postcode"],
  ["email", "postcode"],
];

/** Collects whatever could verify from a message; answers whether there was anything new. */
export function collect(s: Step, understanding: Understanding): boolean {
  let fresh = false;
  for (const entity of understanding.entities) {
    const sort = SORTS[entity.type];
    if (!sort) continue;
    const value = String(entity.value);
    const known = s.c.evidence[sort];
    if (known.includes(value)) continue;
    s.c.evidence[sort] = [...known, value].slice(-KEPT);
    fresh = true;
  }
  return fresh;
}

/** Whether there is evidence, and any of it was not tried yet. */
export function untried(s: Step): boolean {
  const key = evidenceKey(s.c.evidence);
  return key !== NO_EVIDENCE && key !== s.c.verification.tried;
}

/** Whether a message holds anything that says who its writer is. */
export function bringsEvidence(understanding: Understanding): boolean {
  return understanding.entities.some((entity) => SORTS[entity.type] !== undefined);
}

const NO_EVIDENCE = ";;;";

function evidenceKey(evidence: Evidence): string {
  return [evidence.emails, evidence.postcodes, evidence.orders, evidence.names]
    .map((list) => list.join(","))
    .join(";");
}

/** Whether the channel vouches for a customer whom nobody has looked up yet. */
export function canIdentify(s: Step): boolean {
  const { customer, verification } = s.c;
  return (
    customer.vouched && customer.claimedId !== undefined && !customer.verified && !verification.identified
  );
}

/** Looks up a customer for whom the channel vouches. */
export function identify(s: Step): void {
  s.c.verification.identified = true;
  s.ask({ kind: "identify" }, "crm", "customer", { customerId: s.c.customer.claimedId! }, s.options.verifyMs);
  s.go("verifying");
}

/** Asks the records whether what the customer has said fits an account. They also say what is missing. */
export function verify(s: Step): void {
  const { evidence, verification } = s.c;
  verification.fresh = untried(s);
  verification.tried = evidenceKey(evidence);
  const input: Record<string, Json> = { ...evidence, text: customerWords(s) };
  s.ask({ kind: "verify" }, "crm", "verify", input, s.options.verifyMs);
  s.go("verifying");
}

export type Verified = "verified" | "asked" | "handoff";

/** Takes the answer of `crm.verify`. */
export function verificationAnswered(s: Step): Verified {
  const answer = s.event.data ?? {};
  if (acceptedByRecords(s, answer)) return "verified";
  const { verification } = s.c;
  const before = verification.awaiting ? JSON.stringify(verification.ways) : undefined;
  const ways = waysOf(answer);
  verification.awaiting = true;
  verification.ways = ways;
  if (answer.reason === "no_match" || answer.reason === "ambiguous") {
    verification.failures += 1;
    if (!verification.fresh) return ask(s, say.nothingNew(ways && meansOf(ways)));
    const means = ways && meansOf(ways);
    return ask(s, verification.failures > 1 ? say.noMatchAgain(means) : say.noMatch(means));
  }
  if (before !== undefined && before === JSON.stringify(ways)) return nothingNew(s);
  const anything = Object.values(s.c.evidence).some((list) => list.length > 0);
  const means = meansOf(ways ?? USUAL_MEANS);
  return ask(s, anything ? say.neededMore(means) : say.needed(means));
}

/** The customer answered without anything that could verify him. */
export function nothingNew(s: Step): Verified {
  s.c.verification.idle += 1;
  const { ways } = s.c.verification;
  return ask(s, say.nothingNew(ways && meansOf(ways)));
}

function ask(s: Step, text: string): Verified {
  const { failures, idle } = s.c.verification;
  const limit = s.policy.verificationFailures;
  if (failures >= limit || idle >= limit) return "handoff";
  s.say(text);
  endTurn(s);
  return "asked";
}

/** What would be enough, as the records say: each entry lists what has to come together. Undefined: nothing else. */
function waysOf(answer: any): string[][] | undefined {
  const given: unknown[] = Array.isArray(answer.options)
    ? answer.options
    : answer.missing
      ? [answer.missing]
      : [];
  const ways = given
    .filter(Array.isArray)
    .map((way) => way.map(String))
    .filter((way) => way.length > 0);
  const shortest = ways.filter(
    (way, i) =>
      !ways.some(
        (other, j) => j !== i && other.every((f) => way.includes(f)) && (other.length < way.length || j < i),
      ),
  );
  return shortest.length > 0 ? shortest.slice(0, WAYS) : undefined;
}

/** Takes the customer whom `crm.verify` has found; false when it has found nobody. */
export function acceptedByRecords(s: Step, answer: any): boolean {
  if (answer.verified !== true || typeof answer.customerId !== "string") return false;
  accept(s, answer, [answer.how ?? "records"].flat().join(" "));
  return true;
}

/** The customer is known from now on. */
export function accept(s: Step, answer: any, how: string): void {
  const { customer, verification } = s.c;
  customer.verified = true;
  customer.id = String(answer.customerId ?? answer.id);
  customer.how = how;
  if (answer.customerKey) customer.key = String(answer.customerKey);
  const firstName = answer.firstName ?? String(answer.name ?? "").split(/\s+/)[0];
  if (firstName) customer.firstName = String(firstName);
  const name = answer.name ?? [answer.firstName, answer.lastName].filter(Boolean).join(" ");
  if (name) customer.name = String(name);
  if (answer.email) customer.email = String(answer.email);
  customer.vip = s.policy.vip.includes(customer.id);
  verification.awaiting = false;
  verification.failures = 0;
  verification.idle = 0;
  if (customer.key) {
    s.emit({
      type: "bw.tell",
      to: { kind: "customer", key: customer.key, id: customer.key },
      event: "customer.linked",
      data: { how },
      clear: { conversation: s.c.id },
    });
  }
  recall(s);
}

/** Greets a customer who has just become known, once. */
export function welcome(s: Step): void {
  const { customer } = s.c;
  if (!customer.verified || customer.greeted) return;
  customer.greeted = true;
  s.say(customer.how === "channel" ? say.hello(customer.firstName) : say.thanksName(customer.firstName));
  if (s.c.now) s.c.now.greeted = s.c.now.said.length;
}
