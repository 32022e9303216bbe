/**
 * A node's memory that is written to until somebody kills the process. Each line on its standard output is something that the
 * memory has said is kept.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openMemory } from "../../memory/index.ts";
import { connectBus } from "../../runtime/bus/index.ts";
import type { AskContext, Operation } from "../../runtime/host/service.ts";
import type { JsonObject } from "../../runtime/json.ts";
import { openKeyRing } from "../../runtime/log/keyring.ts";
import { Random } from "../rehydration/random/random.ts";
import { type Acknowledged, WORKSPACE, type WriterPlace } from "./words.ts";

const WRITERS = 8;
const CUSTOMERS = 40;
const TYPES = ["address", "note", "preference", "consent.marketing", "plan"];

const { url, user, pass, dir, dataDir, seed, round } = JSON.parse(process.argv[2]!) as WriterPlace;
const source = new Random(seed);
const random = (): number => source.between(0, 999_999) / 1_000_000;
const pick = <T>(all: readonly T[]): T => all[source.between(0, all.length - 1)]!;
const tell = (what: Acknowledged): void => void process.stdout.write(`${JSON.stringify(what)}\n`);

const bus = await connectBus({ url, user, pass, name: "bench-recovery" });
const keys = await openKeyRing({ bus, workspace: WORKSPACE, dataDir });
const memory = await openMemory({
  dir,
  keys,
  knowledgeDirs: [],
  stream: { bus, workspace: WORKSPACE, waitMs: 5_000 },
});
const { operations } = memory.services.find(({ name }) => name === "memory")!;
let asks = 0;

async function ask(operation: string, input: JsonObject): Promise<JsonObject> {
  const context: AskContext = {
    idempotencyKey: `${seed} ${asks++}`,
    deadline: Date.now() + 10_000,
    signal: AbortSignal.timeout(10_000),
  };
  return (operations[operation] as Operation)(input, context);
}

async function one(): Promise<void> {
  const n = Math.floor(random() * CUSTOMERS);
  // The first are written to by every process and never erased; of the others each process has its own, to erase.
  const stays = n < CUSTOMERS / 2;
  const name = stays ? `${n}` : `${n}-${round}`;
  const customer = `customer-${name}`;
  const conversation = `conversation-${name}-${Math.floor(random() * 3)}`;
  const dice = random();
  if (dice < 0.6) {
    const type = pick(TYPES);
    const answer = await ask("remember", {
      customer,
      conversation,
      type,
      text: `${type} ${Math.floor(random() * 6)}`,
      value: type.startsWith("consent") ? random() < 0.5 : null,
      ...(random() < 0.1 ? { ttlMs: 1 + Math.floor(random() * 500) } : {}),
    });
    if (answer.stored && !answer.pending) tell({ fact: String(answer.id), customer });
  } else if (dice < 0.97) {
    const known = random() < 0.7;
    const turn = Math.floor(random() * 8);
    const text = `turn ${turn} ${Math.floor(random() * 4)}`;
    const turns = [{ turn, at: Date.now(), text, reply: `re: ${text}` }];
    const answer = await ask("turns", { conversation, turns, ...(known ? { customer } : {}) });
    if (answer.stored && known) await keys.wrapUnder(conversation, customer).catch(() => {});
    if (answer.stored && !answer.pending) tell({ conversation, turn, customer });
  } else if (dice < 0.98) await ask("demote", { all: true });
  else if (dice < 0.985) await ask("hold", { customer, reason: `case ${Math.floor(random() * 9)}` });
  else if (dice < 0.987) await ask("release", { customer });
  else if (!stays) await ask("erase", { customer }).catch(() => {});
}

await Promise.all(
  Array.from({ length: WRITERS }, async () => {
    for (;;) {
      await one().catch(async (error: Error) => {
        process.stderr.write(`${error.message}\n`);
        await sleep(50);
      });
    }
  }),
);
