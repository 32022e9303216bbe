/** No query returns what its role may not read, what has expired or was superseded, or what is another workspace's. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Operation } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { BegunErasures } from "../control/begun.ts";
import { Eraser } from "../control/erase.ts";
import { memoryService } from "../services.ts";
import { Fold } from "../stream/fold.ts";
import { DirectWriter } from "../stream/writer.ts";
import { HandClock, LocalKeyRing } from "../testing.ts";
import { openDatabase } from "./database.ts";
import { FactStore, SINGLE_VALUED } from "./facts.ts";
import { Holds } from "./holds.ts";
import { Summaries } from "./summaries.ts";
import { Tiers } from "./tiers.ts";
import { TurnStore } from "./turns.ts";

const ROLES = ["desk", "billing", "care"] as const;
const TYPES = ["address", "note", "preference", "consent.marketing"] as const;
const CUSTOMERS = ["ada", "bob"] as const;
const CONVERSATIONS = ["c1", "c2"] as const;
const WORDS = ["kettle", "red", "leaks", "Lyon", "Berlin", "tea"] as const;

/** A workspace with its own keys and database, and what an attentive reader would have written down of it. */
class Workspace {
  readonly dir = mkdtempSync(join(tmpdir(), "bw-access-"));
  readonly known: Known[] = [];
  readonly erased = new Set<string>();
  ask!: (operation: string, input: JsonObject) => Promise<JsonObject>;
  close!: () => Promise<void>;
  #n = 0;

  constructor(
    readonly name: string,
    readonly clock: HandClock,
  ) {}

  async open(): Promise<void> {
    const db = await openDatabase(join(this.dir, "memory"));
    const keys = new LocalKeyRing();
    const turns = new TurnStore(db, keys);
    const summaries = new Summaries(db, keys);
    const tiers = new Tiers(turns, keys, this.clock);
    const facts = new FactStore(db, keys, this.clock);
    const holds = new Holds(db, keys, this.clock);
    const writer = new DirectWriter(new Fold({ facts, tiers, summaries, holds }));
    const begun = new BegunErasures(db);
    const stores = { writer, facts, turns, summaries, holds, clock: this.clock };
    const eraser = new Eraser({ ...stores, keys, begun });
    const { operations } = memoryService({ ...stores, tiers, eraser });
    this.ask = async (operation, input) => {
      const context = {
        idempotencyKey: `${this.name} ${this.#n++}`,
        deadline: 0,
        signal: new AbortController().signal,
      };
      return (await (operations[operation] as Operation)(input, context)) as JsonObject;
    };
    this.close = async () => {
      await db.close();
      rmSync(this.dir, { recursive: true, force: true });
    };
  }
}

interface Known extends Remember {
  readonly text: string;
  readonly at: number;
  readonly expiresAt: number;
  supersededAt: number;
}

interface Remember {
  readonly do: "remember";
  readonly workspace: number;
  readonly customer: string;
  readonly conversation: string;
  readonly type: string;
  readonly words: readonly string[];
  readonly scope: "customer" | "conversation";
  readonly readers: readonly string[] | undefined;
  readonly purpose: string;
  readonly agreed: boolean;
  readonly ttlMs: number | undefined;
}

interface Recall {
  readonly do: "recall";
  readonly workspace: number;
  readonly customer: string;
  readonly role: string;
  readonly conversation: string | undefined;
  readonly text: string | undefined;
  readonly back: number;
}

type Step = Remember | Recall | { readonly do: "wait"; readonly ms: number } | Erase;
interface Erase {
  readonly do: "erase";
  readonly workspace: number;
  readonly customer: string;
}

const workspace = fc.integer({ min: 0, max: 1 });
const customer = fc.constantFrom(...CUSTOMERS);
const conversation = fc.constantFrom(...CONVERSATIONS);
const words = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 });

const remember: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("remember" as const),
  workspace,
  customer,
  conversation,
  type: fc.constantFrom(...TYPES),
  words,
  scope: fc.constantFrom("customer" as const, "conversation" as const),
  readers: fc.option(fc.subarray([...ROLES], { minLength: 1 }), { nil: undefined }),
  purpose: fc.constantFrom("service", "service", "marketing"),
  agreed: fc.boolean(),
  ttlMs: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
});
const recall: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("recall" as const),
  workspace,
  customer,
  role: fc.constantFrom(...ROLES),
  conversation: fc.option(conversation, { nil: undefined }),
  text: fc.option(
    words.map((some) => some.join(" ")),
    { nil: undefined },
  ),
  back: fc.constantFrom(0, 0, 0, 25),
});
const wait: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("wait" as const),
  ms: fc.integer({ min: 1, max: 20 }),
});
const erase: fc.Arbitrary<Step> = fc.record({ do: fc.constant("erase" as const), workspace, customer });
const steps = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: remember },
    { weight: 20, arbitrary: recall },
    { weight: 8, arbitrary: wait },
    { weight: 1, arbitrary: erase },
  ),
  { minLength: 40, maxLength: 80 },
);

/** What may be read, by the rules in words: written without the code that is tested. */
function expected(
  known: readonly Known[],
  { customer, role, conversation }: Recall,
  now: number,
  at: number,
): string[] {
  const holds = known.filter(
    (fact) => fact.customer === customer && fact.at <= at && fact.supersededAt > at && fact.expiresAt > now,
  );
  // A consent that was given for a conversation alone is one all the same.
  const agreed = holds.some(({ type, agreed }) => type === "consent.marketing" && agreed);
  return holds
    .filter(({ readers }) => readers === undefined || readers.includes(role))
    .filter(({ purpose }) => purpose === "service" || agreed)
    .filter((fact) => fact.scope === "customer" || fact.conversation === conversation)
    .map(({ text }) => text);
}

it("no query ever returns what may not be read, in whatever order things happen", {
  timeout: 120_000,
}, async () => {
  let returned = 0;
  let withheld = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const clock = new HandClock(1_000_000);
      const spaces = [new Workspace("a", clock), new Workspace("b", clock)];
      try {
        for (const space of spaces) await space.open();
        for (const step of all) {
          // No two things happen at one moment.
          clock.time++;
          if (step.do === "wait") clock.time += step.ms;
          else if (step.do === "remember") await told(spaces[step.workspace]!, step);
          else if (step.do === "erase") await erased(spaces[step.workspace]!, step.customer);
          else {
            const space = spaces[step.workspace]!;
            const at = clock.time - step.back;
            const times: JsonObject = step.back === 0 ? {} : { asOf: at, knownAt: at };
            const { customer, role, conversation, text } = step;
            const input: JsonObject = {
              customer,
              role,
              k: 100,
              ...times,
              ...(conversation && { conversation }),
              ...(text && { text }),
            };
            const { facts } = await space.ask("recall", input);
            const texts = (facts as JsonObject[]).map((fact) => String(fact.text));
            const may = expected(space.known, step, clock.time, at);
            for (const each of texts) expect(may).toContain(each);
            // Without a text, all of it comes.
            if (text === undefined) expect([...texts].sort()).toEqual([...may].sort());
            returned += texts.length;
            withheld += space.known.length - may.length;
          }
        }
      } finally {
        for (const space of spaces) await space.close?.();
      }
    }),
    { numRuns: 60 },
  );
  // It is no proof where there was nothing to withhold, or nothing to find.
  expect(returned).toBeGreaterThan(100);
  expect(withheld).toBeGreaterThan(500);
});

async function told(space: Workspace, step: Remember): Promise<void> {
  const { clock, known } = space;
  const isConsent = step.type.startsWith("consent.");
  // Each text is of one workspace alone, so that a foreign one would be seen.
  const text = `${space.name} ${step.words.join(" ")}${isConsent ? ` ${step.agreed ? "yes" : "no"}` : ""}`;
  const { customer, conversation, type, scope, readers, purpose, ttlMs } = step;
  const answer = await space.ask("remember", {
    customer,
    conversation,
    type,
    text,
    value: isConsent ? step.agreed : null,
    scope,
    purpose,
    ...(readers && { readers: [...readers] }),
    ...(ttlMs && { ttlMs }),
  });
  if (space.erased.has(customer)) {
    expect(answer).toMatchObject({ stored: false, reason: "erased" });
    return;
  }
  if (!answer.stored) return;
  const expiresAt = ttlMs === undefined ? Number.POSITIVE_INFINITY : clock.time + ttlMs;
  for (const old of known) {
    const place = old.customer === customer && old.type === type && old.scope === scope;
    const here = scope === "customer" || old.conversation === conversation;
    // Whatever can be so once only, and the same that was to be kept for shorter.
    const single = SINGLE_VALUED.has(type) || isConsent;
    const shorter = saying(old) === saying({ ...step, text }) && old.expiresAt < expiresAt;
    if (place && here && (single || shorter)) old.supersededAt = Math.min(old.supersededAt, clock.time);
  }
  known.push({ ...step, text, at: clock.time, expiresAt, supersededAt: Number.POSITIVE_INFINITY });
}

function saying({ text, agreed, readers, purpose }: Remember & { text: string }): string {
  return JSON.stringify([text, agreed, readers && [...readers].sort(), purpose]);
}

async function erased(space: Workspace, customer: string): Promise<void> {
  await space.ask("erase", { customer });
  space.erased.add(customer);
  const kept = space.known.filter((fact) => fact.customer !== customer);
  space.known.splice(0, space.known.length, ...kept);
}
