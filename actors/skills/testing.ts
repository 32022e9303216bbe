/** For tests: a back office in a temporary directory, filled with the generated company. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../../runtime/json.ts";
import { BackOffice, seed } from "./backoffice/index.ts";
import { Inventory } from "./inventory.ts";

export const NOW = Date.UTC(2026, 10, 22, 12);

export interface TestOffice {
  readonly office: BackOffice;
  readonly dir: string;
  /** Runs a skill on it, under a key of its own unless given. */
  call(skill: string, input: JsonObject, options?: { key?: string; now?: number }): Promise<any>;
  close(): Promise<void>;
}

let calls = 0;

export async function testOffice(options: { customers?: number; orders?: number } = {}): Promise<TestOffice> {
  const dir = await mkdtemp(join(tmpdir(), "backoffice-"));
  const office = await BackOffice.open(dir);
  await seed(office, { seed: 7, now: NOW, customers: 60, orders: 120, ...options });
  const inventory = new Inventory();
  return {
    office,
    dir,
    async call(name, input, { key = `test-${++calls}`, now = NOW } = {}) {
      const skill = inventory.get(name);
      if (!skill) throw new Error(`there is no skill ${name}`);
      return skill.run(skill.input.parse(input), { office, key, now });
    },
    async close() {
      await office.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
