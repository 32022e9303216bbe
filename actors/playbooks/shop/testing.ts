/** A shop for the tests of playbooks: the real back office on disk, the real skills, the shipped playbooks. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackOffice, seed } from "../../skills/backoffice/index.ts";
import { Inventory } from "../../skills/inventory.ts";
import type { PlaybookCustomer } from "../protocol.ts";
import { loadPlaybooks, type PlaybookSet, SHOP_PLAYBOOKS } from "../registry.ts";
import { PlaybookRun, type RunOptions, type SkillRunner, TEST_TIME } from "../testing.ts";

export class TestShop {
  readonly inventory = new Inventory();
  readonly playbooks: PlaybookSet;
  #keys = 0;

  private constructor(
    readonly office: BackOffice,
    readonly dir: string,
  ) {
    this.playbooks = loadPlaybooks([SHOP_PLAYBOOKS], this.inventory);
  }

  /** A fresh generated company; "today" is `TEST_TIME`. */
  static async open(): Promise<TestShop> {
    const dir = await mkdtemp(join(tmpdir(), "bw-shop-"));
    const office = await BackOffice.open(dir);
    await seed(office, { seed: 7, now: TEST_TIME, customers: 30, orders: 60 });
    return new TestShop(office, dir);
  }

  async close(): Promise<void> {
    await this.office.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  readonly skills: SkillRunner = async (name, input) => {
    const skill = this.inventory.get(name);
    if (!skill) throw { code: "not_found", message: `no skill ${name}` };
    const parsed = skill.input.safeParse(input);
    if (!parsed.success) throw { code: "invalid", message: `${name}: ${parsed.error.message}` };
    return skill.run(parsed.data, { office: this.office, key: `test-${++this.#keys}`, now: TEST_TIME });
  };

  async customer(id: string): Promise<PlaybookCustomer> {
    const c = await this.office.get("customers", id);
    if (!c) throw new Error(`no customer ${id}`);
    return {
      id,
      verified: true,
      name: `${c.firstName} ${c.lastName}`,
      firstName: c.firstName,
      email: c.email,
    };
  }

  /** Starts a playbook for a verified customer. */
  async run(
    playbook: string,
    customerId: string,
    text: string,
    options: Partial<RunOptions> = {},
  ): Promise<PlaybookRun> {
    const found = this.playbooks.get(playbook);
    if (!found) throw new Error(`no playbook ${playbook}`);
    return PlaybookRun.start({
      machine: found.machine,
      skills: this.skills,
      customer: await this.customer(customerId),
      text,
      ...(found.intents[0] ? { intent: found.intents[0] } : {}),
      ...options,
    });
  }
}

/** Skills of which those named fail. */
export function failing(skills: SkillRunner, names: Readonly<Record<string, string>>): SkillRunner {
  return (name, input, key) => {
    const code = names[name];
    if (code !== undefined) throw { code, message: `${name} does not answer` };
    return skills(name, input, key);
  };
}
