/** What `new playbook` and `new skill` write: small, complete, and sound as it is. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../runtime/config/errors.ts";

export interface Written {
  readonly files: readonly string[];
  /** What to do next. */
  readonly next: readonly string[];
}

function write(dir: string, files: Readonly<Record<string, string>>): string[] {
  mkdirSync(dir, { recursive: true });
  const paths = Object.entries(files).map(([name, text]) => [join(dir, name), text] as const);
  for (const [path] of paths)
    if (existsSync(path)) throw new UsageError(`${path} is there already: choose another name`);
  for (const [path, text] of paths) writeFileSync(path, text, { flag: "wx" });
  return paths.map(([path]) => path);
}

/** @param name such as `gift-card` */
export function newPlaybook(name: string, dir: string): Written {
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(name))
    throw new UsageError(
      `"${name}" is no name for a playbook: use lower-case letters, digits and "-", such as gift-card`,
    );
  const intent = name.replace(/-/g, "_");
  const words = name.replace(/-/g, " ");
  const files = write(dir, {
    [`${name}.yaml`]: playbookYaml(name, intent, words),
    [`${name}.cases.yaml`]: casesYaml(name, words),
  });
  return {
    files,
    next: [
      `bin/bailiwick playbooks lint ${files[0]}`,
      `bin/bailiwick playbooks test ${dir}`,
      `add the folder to the configuration: playbooks: { dirs: [${dir}] }`,
    ],
  };
}

/** @param name such as `loyalty.points` */
export function newSkill(name: string, dir: string): Written {
  const match = /^([a-z][a-z0-9_]{0,31})\.([a-z][a-z0-9_]{0,31})$/.exec(name);
  if (!match)
    throw new UsageError(
      `"${name}" is no name for a skill: use <system>.<operation>, such as loyalty.points`,
    );
  const [, system, operation] = match as unknown as [string, string, string];
  const file = `${system}-${operation}`.replace(/_/g, "-");
  const constant = `${system}_${operation}`.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
  const files = write(dir, {
    [`${file}.ts`]: skillTs(name, constant),
    [`${file}.test.ts`]: skillTest(name, constant, file),
  });
  return {
    files,
    next: [
      `npx vitest run ${files[1]}`,
      `add ${constant} to BUILT_IN_SKILLS in actors/skills/inventory.ts`,
      `playbooks can then use it: call: ${name}`,
    ],
  };
}

function playbookYaml(name: string, intent: string, words: string): string {
  return `# The language is described in docs/playbooks.md.
playbook: ${name}
version: 1
title: Help with ${words}
description: Says what it does, in one sentence.

# What customers write when they want this; 20 or more, as different as customers are.
intents:
  ${intent}:
    examples:
      - I have a question about ${words}
      - ${words} please
      - can you help me with ${words}

# Whether only a verified customer gets in; needed for whatever shows or changes records.
verify: true

slots:
  order:
    type: order
    ask: Which one is it about? The number or an item is enough.

# Where steps go that do not say so themselves.
on:
  failed: trouble
  unclear: unclear
  none: nothing

steps:
  - ask: order
  - say: "I have order {{ order.id | number }} in front of me, {{ order.status | status }}: {{ order.items | items }}; total {{ order.total | money }}."
  - confirm: Is that the one you mean?
    no: unclear
  - say: "Thank you.[[ It was delivered on {{ order.deliveredAt | date }}.]]"
  - end: resolved

  - id: nothing
    say: I don't find an order on your account.
  - end: declined

  - id: unclear
    handoff: I'm asking a colleague to go through it with you here.
    reason: unclear

  - id: trouble
    handoff: One of our systems doesn't answer just now. A colleague will take care of it and answer you here.
    reason: system_down
`;
}

function casesYaml(name: string, words: string): string {
  return `# Run them with: bin/bailiwick playbooks test
playbook: ${name}
cases:
  - name: finds the order
    customer: { id: C1 }
    skills: &shop
      orders.match:
        orders:
          - id: W1000001
            customerId: C1
            status: delivered
            items: [{ itemId: I1, productId: P1, name: Desk Lamp, price: 40, options: { color: black } }]
            total: 40
            currency: USD
        foreign: []
        unknown: []
    say: ["a question about ${words} for my desk lamp", "yes"]
    expect:
      said: ["#W1000001", "Desk Lamp", "Thank you"]
      result: resolved
  - name: passes on what is not confirmed
    customer: { id: C1 }
    skills: *shop
    say: ["a question about ${words} for my desk lamp", "no"]
    expect: { result: handed_off }
  - name: passes on when the system is down
    customer: { id: C1 }
    skills: { orders.match: { fails: timeout } }
    say: ["${words} please"]
    expect: { result: handed_off, skills: [orders.match] }
`;
}

function skillTs(name: string, constant: string): string {
  return `/** Says in one sentence what this skill is for. */
import { z } from "zod";
import { type AnySkill, read } from "../skill.ts";

export const ${constant}: AnySkill = read({
  name: "${name}",
  description: "What it answers, in one sentence; a model chooses skills by it.",
  input: z.strictObject({ customerId: z.string() }),
  run: async ({ customerId }, { office }) => {
    const orders = await office.by("orders", "customerId", customerId);
    return { customerId, orders: orders.length };
  },
});
`;
}

function skillTest(name: string, constant: string, file: string): string {
  return `import { afterAll, beforeAll, expect, it } from "vitest";
import { BUILT_IN_SKILLS, Inventory } from "../inventory.ts";
import { NOW, type TestOffice, testOffice } from "../testing.ts";
import { ${constant} } from "./${file}.ts";

let shop: TestOffice;
beforeAll(async () => {
  shop = await testOffice();
});
afterAll(() => shop.close());

it("has a place in the inventory", () => {
  const others = BUILT_IN_SKILLS.filter((s) => s.name !== "${name}");
  expect(new Inventory([...others, ${constant}]).get("${name}")?.effect).toBe("read");
});

it("answers from the back office", async () => {
  const context = { office: shop.office, key: "test", now: NOW };
  const answer = await ${constant}.run({ customerId: "C1001" }, context);
  expect(answer).toEqual({ customerId: "C1001", orders: 3 });
});
`;
}
