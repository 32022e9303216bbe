/**
 * One customer of many is erased while others write. Before, what he said is found where the desk may read it, and in no file and
 * no archive; afterwards nowhere, nor at a desk that is restored of a backup made before; the others have lost nothing.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject } from "../../runtime/json.ts";
import { type DeskAccess, deskRequest } from "../../scenarios/desk-client.ts";
import { DeskProcess } from "../desk-process.ts";
import { Latencies } from "../harness/index.ts";
import type { BenchResult } from "../report.ts";
import { bailiwick } from "./command-process.ts";
import {
  converse,
  customersOf,
  eachOf,
  factsOf,
  importCustomers,
  type KnownCustomer,
  wish,
} from "./customers.ts";

export interface EraseOptions {
  readonly customers: number;
  /** Of them who write meanwhile. */
  readonly writers: number;
  readonly seed: number;
  /** Folder to keep everything in; it is removed otherwise. */
  readonly keep?: string;
  readonly onStage?: (stage: string, done?: number, all?: number) => void;
}

export interface EraseRun {
  readonly results: readonly BenchResult[];
  /** What the desk answered to the erasure. */
  readonly receipt: JsonObject;
  readonly failures: readonly string[];
}

/** Where a term was found, as the desk answers it. */
interface Searched {
  readonly found: number;
  readonly ms: number;
  readonly opened: readonly { readonly store: string; readonly found: number; readonly looked: number }[];
  readonly files: {
    readonly found: readonly { readonly path: string }[];
    readonly looked: readonly { bytes: number }[];
  };
}

const FILLING_AT_ONCE = 16;
const QUESTIONS = ["Do you ship abroad?", "How do I use a gift card?", "Which payment methods do you take?"];
const BYE = "Thanks, that is all. Bye";
/** A key that was destroyed may be in use for so long (L12), ms. */
const GONE_MS = 70_000;
const REMEMBERED_MS = 60_000;
/** Others who are asked for again at the restored desk. */
const SAMPLE = 200;
const SEARCH_MS = 600_000;
/** Nobody is kept waiting by the desk's own limits: one machine writes for all. */
const UNLIMITED = { burst: 1_000_000, perSecond: 1_000_000 };
const SETTINGS = {
  // A machine that has other work to do is not what is looked at.
  watchdog: { stallMs: 60_000 },
  gateway: { limits: { customer: UNLIMITED, conversation: UNLIMITED, address: UNLIMITED, admin: UNLIMITED } },
};

export async function benchErase(options: EraseOptions): Promise<EraseRun> {
  const { keep } = options;
  const base = keep ? resolve(keep) : await mkdtemp(join(tmpdir(), "bailiwick-erase-"));
  const dataDir = join(base, "desk");
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const desk = await DeskProcess.start(dataDir, SETTINGS);
  try {
    return await new Run(options, base, dataDir, desk).run();
  } finally {
    await desk.stop();
    if (!keep) await rm(base, { recursive: true, force: true });
  }
}

class Run {
  readonly #o: EraseOptions;
  readonly #base: string;
  readonly #dataDir: string;
  readonly #desk: DeskProcess;
  readonly #victim: KnownCustomer;
  readonly #others: readonly KnownCustomer[];
  readonly #results: BenchResult[] = [];
  readonly #failures: string[] = [];

  constructor(options: EraseOptions, base: string, dataDir: string, desk: DeskProcess) {
    this.#o = options;
    this.#base = base;
    this.#dataDir = dataDir;
    this.#desk = desk;
    const all = customersOf(options.customers, options.seed);
    const at = (options.seed * 7_919) % all.length;
    this.#victim = all[at]!;
    this.#others = all.filter((_, n) => n !== at);
  }

  async run(): Promise<EraseRun> {
    await this.#fill();
    await this.#remembered();
    const known = await this.#known(this.#desk, this.#others);
    this.#row("erase.remembered", "customers", known.length + 1);
    const writing = new Writing(this.#desk, this.#others, this.#o.writers);
    let receipt: JsonObject;
    const archive = join(this.#base, "before.tar");
    try {
      await this.#before(archive);
      receipt = await this.#erase();
      await this.#after();
    } finally {
      await writing.stop();
    }
    this.#row("erase.turns-meanwhile", "turns", writing.latency.count);
    this.#none("erase.unanswered-meanwhile", "conversations", writing.failed);
    const latency = writing.latency.percentiles();
    if (latency) {
      const { p50, p95, p99 } = latency;
      this.#results.push({ name: "erase.turn-meanwhile", unit: "ms", value: p50, p50, p95, p99 });
    } else this.#failures.push("nobody got an answer meanwhile");
    this.#none("erase.lost-of-others", "customers", await this.#lost(this.#desk, known));
    await this.#desk.stop();
    await this.#restored(archive, known);
    return { results: this.#results, receipt, failures: this.#failures };
  }

  /** Each customer says what he prefers, and ends the conversation, so that all of it is in memory. */
  async #fill(): Promise<void> {
    const { onStage } = this.#o;
    const all = [this.#victim, ...this.#others];
    onStage?.("importing customers");
    await importCustomers(this.#desk, all);
    const begun = performance.now();
    let done = 0;
    await eachOf(all, FILLING_AT_ONCE, async (customer) => {
      const texts = customer === this.#victim ? [wish(customer), ...QUESTIONS, BYE] : [wish(customer), BYE];
      if (!(await converse(this.#desk, customer, texts).catch(() => false)))
        this.#failures.push(`${customer.id} got no answer`);
      onStage?.("customers write", ++done, all.length);
    });
    this.#row("erase.customers", "customers", all.length);
    this.#row("erase.fill", "conversations/s", (all.length * 1_000) / (performance.now() - begun));
  }

  /** Memory is given what was said when a conversation comes to rest; the desk's copy of it comes after. */
  async #remembered(): Promise<void> {
    const end = performance.now() + REMEMBERED_MS;
    for (;;) {
      const path = `/v1/admin/memory/${this.#victim.id}/export`;
      const kept = await deskRequest(this.#desk, "GET", path);
      const { services } = await deskRequest(this.#desk, "GET", "/v1/admin/status");
      const { applied, last } = services.memory.stream;
      if (JSON.stringify(kept.conversations).includes(this.#victim.word) && applied === last) return;
      if (performance.now() > end)
        throw new Error(`after ${REMEMBERED_MS} ms memory has not got what was said`);
      await sleep(100);
    }
  }

  async #before(archive: string): Promise<void> {
    this.#o.onStage?.("looking for what one of them said");
    const searched = await this.#search(this.#victim.word);
    const found = searched.opened.filter((store) => store.found > 0).map(({ store }) => store);
    for (const store of ["facts", "turns", "log"])
      if (!found.includes(store)) this.#failures.push(`before: what was said is not found in ${store}`);
    this.#row("erase.found-before", "times", searched.found);
    this.#none("erase.files-before", "files", searched.files.found.length);
    this.#row("erase.search", "ms", searched.ms);
    const bytes = searched.files.looked.reduce((sum, each) => sum + each.bytes, 0);
    this.#row("erase.searched", "MiB", bytes / 1024 / 1024);
    this.#o.onStage?.("backing up");
    const backup = await bailiwick(["backup", archive, "--data-dir", this.#dataDir]);
    this.#row("erase.backup", "ms", Number(backup.ms));
    this.#row("erase.archive", "MiB", Number(backup.bytes) / 1024 / 1024);
    await this.#archives("erase.archive-before", archive);
  }

  async #erase(): Promise<JsonObject> {
    this.#o.onStage?.("erasing");
    const begun = performance.now();
    const receipt = await deskRequest<JsonObject>(
      this.#desk,
      "DELETE",
      `/v1/admin/memory/${this.#victim.id}`,
      {
        timeoutMs: 120_000,
      },
    );
    this.#row("erase.erasure", "ms", performance.now() - begun);
    if (JSON.stringify(receipt).includes(this.#victim.id))
      this.#failures.push("the receipt names the customer");
    const facts = await factsOf(this.#desk, this.#victim);
    this.#none("erase.facts-at-once", "facts", facts.length);
    return receipt;
  }

  async #after(): Promise<void> {
    const begun = performance.now();
    this.#o.onStage?.("looking again");
    let searched = await this.#search(this.#victim.word);
    const first = searched.found;
    while (searched.found > 0 && performance.now() - begun < GONE_MS) {
      await sleep(1_000);
      searched = await this.#search(this.#victim.word);
    }
    this.#row("erase.found-at-once", "times", first);
    this.#none("erase.found-after", "times", searched.found);
    await this.#archives("erase.archive-after", join(this.#base, "before.tar"));
  }

  /** Through the command, as a person would. */
  async #archives(name: string, archive: string): Promise<void> {
    const args = ["memory", "verify", "--text", this.#victim.word, "--archive", archive];
    const { archives } = await bailiwick([...args, "--data-dir", this.#dataDir], [0, 1]);
    const found = (archives as { found: { count: number }[] }[]).flatMap((each) => each.found);
    this.#none(
      name,
      "times",
      found.reduce((sum, { count }) => sum + count, 0),
    );
  }

  /** Those of whom the desk has the fact that they stated. A desk that is too busy may have missed one: it is a wish, not an order. */
  async #known(desk: DeskAccess, others: readonly KnownCustomer[]): Promise<KnownCustomer[]> {
    const known: KnownCustomer[] = [];
    let done = 0;
    await eachOf(others, FILLING_AT_ONCE, async (other) => {
      const facts = await factsOf(desk, other);
      if (facts.some(({ text }) => text.includes(other.word))) known.push(other);
      this.#o.onStage?.("asking for the others", ++done, others.length);
    });
    return known;
  }

  async #lost(desk: DeskAccess, known: readonly KnownCustomer[]): Promise<number> {
    return known.length - (await this.#known(desk, known)).length;
  }

  async #restored(archive: string, known: readonly KnownCustomer[]): Promise<void> {
    this.#o.onStage?.("restoring");
    const into = join(this.#base, "restored");
    const restored = await bailiwick(["restore", archive, "--into", into, "--data-dir", this.#dataDir]);
    this.#row("erase.restore", "ms", Number(restored.ms));
    this.#row("erase.erased-again", "customers", Number(restored.erased));
    if (restored.erased !== 1) this.#failures.push(`${restored.erased} customers were erased again, not 1`);
    const desk = await DeskProcess.start(into, SETTINGS);
    try {
      const searched = await this.#search(this.#victim.word, desk);
      this.#none("erase.found-restored", "times", searched.found);
      this.#none("erase.facts-restored", "facts", (await factsOf(desk, this.#victim)).length);
      const step = Math.max(1, Math.floor(known.length / SAMPLE));
      const some = known.filter((_, n) => n % step === 0);
      this.#none("erase.lost-restored", "customers", await this.#lost(desk, some));
      const other = await this.#search(some[0]!.word, desk);
      for (const store of ["facts", "log"])
        if (!other.opened.some((each) => each.store === store && each.found > 0))
          this.#failures.push(`restored: what another customer said is not found in ${store}`);
    } finally {
      await desk.stop();
    }
  }

  #search(text: string, desk: DeskAccess = this.#desk): Promise<Searched> {
    return deskRequest(desk, "POST", "/v1/admin/memory-verify", { body: { text }, timeoutMs: SEARCH_MS });
  }

  #row(name: string, unit: string, value: number): void {
    this.#results.push({ name, unit, value });
  }

  /** What there may be none of. */
  #none(name: string, unit: string, value: number): void {
    this.#results.push({ name, unit, value, budget: 0, held: value === 0 });
  }
}

/** Customers who go on writing, one conversation after the other each. */
class Writing {
  failed = 0;
  readonly latency = new Latencies();
  #stopped = false;
  readonly #all: Promise<unknown>;

  constructor(desk: DeskAccess, others: readonly KnownCustomer[], writers: number) {
    const one = async (writer: number): Promise<void> => {
      for (let n = writer; !this.#stopped; n += writers) {
        const customer = others[n % others.length]!;
        const texts = [QUESTIONS[n % QUESTIONS.length]!, BYE];
        const onAnswer = (ms: number): void => this.latency.record(ms);
        if (!(await converse(desk, customer, texts, onAnswer).catch(() => false))) this.failed++;
      }
    };
    this.#all = Promise.all(Array.from({ length: writers }, (_, writer) => one(writer)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#all;
  }
}
