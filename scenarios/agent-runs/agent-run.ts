/**
 * A recorded run of another agent, driven through this desk's own actors: what the customer wrote comes in, the recorded model
 * proposes, tasks and data agents carry out, recorded results come back. What the desk says and asks has to be what was recorded.
 */
import { address } from "../../runtime/address.ts";
import type { Envelope, StoredRecord } from "../../runtime/envelope.ts";
import { askedIn } from "../../runtime/host/calls.ts";
import { ANSWER } from "../../runtime/host/cell.ts";
import { answerId } from "../../runtime/host/outbox.ts";
import { derivedId } from "../../runtime/ids.ts";
import { canonicalJson, hashJson, type Json, type JsonObject } from "../../runtime/json.ts";
import { ReplayStuckError } from "../../runtime/replay/index.ts";
import type { FrozenResult } from "../frozen/result.ts";
import { recordingOf } from "../recording/make.ts";
import type { RunDesk } from "./run-desk.ts";
import type { AgentRun, RunStep } from "./run-file.ts";

export interface AgentRunResult
  extends Pick<
    FrozenResult,
    | "id"
    | "status"
    | "messages"
    | "turns"
    | "skillCalls"
    | "lostMessages"
    | "duplicatedSkillCalls"
    | "recording"
  > {
  /** Over `[role, text]` and `[role, [{name, arguments}]]` of customer and agent, in order. */
  readonly transcriptHash: string;
  /** Place among the run's messages, from 0, and what is another there. */
  readonly divergence?: { readonly message: number; readonly what: string };
  /** Records by the kind of the actor that they are for. */
  readonly records: Readonly<Record<string, number>>;
}

/** What the desk has to do next. */
interface Expected {
  readonly message: number;
  readonly what: "says" | "asks";
  readonly content: Json;
}

/** Records after one message: a desk that goes on and on is stopped. */
const MOST_RECORDS = 2_000;

export async function playAgentRun(run: AgentRun, desk: RunDesk): Promise<AgentRunResult> {
  return new RunPlay(run, desk).play();
}

class Apart extends Error {
  constructor(
    readonly place: number,
    what: string,
  ) {
    super(what);
  }
}

class RunPlay {
  readonly #run: AgentRun;
  readonly #desk: RunDesk;
  readonly #conversation: string;
  readonly #made: StoredRecord[] = [];
  readonly #expected: Expected[];
  readonly #said: Json[] = [];
  readonly #keys = new Map<string, number>();
  #came = 0;
  /** Outputs of the model that are in the log. */
  #played = 0;

  constructor(run: AgentRun, desk: RunDesk) {
    this.#run = run;
    this.#desk = desk;
    this.#conversation = derivedId("agent-run", run.file, run.id);
    this.#expected = run.steps.flatMap((step) => expectedOf(step));
  }

  async play(): Promise<AgentRunResult> {
    const { steps, flaw, id, file } = this.#run;
    await this.#desk.load(this.#run);
    let divergence: AgentRunResult["divergence"];
    let failed = false;
    try {
      await this.#open();
      for (const step of steps) await this.#step(step);
      if (flaw) throw new Apart(flaw.message, flaw.what);
      await this.#input("conversation.close", {}, steps.at(-1)?.at ?? 0);
      await this.#settle();
    } catch (error) {
      if (error instanceof Apart) divergence = { message: error.place, what: error.message };
      else if (error instanceof ReplayStuckError) divergence = { message: -1, what: error.message };
      else throw error;
      failed = !(error instanceof Apart);
    }
    const repeated = [...this.#keys.values()].reduce((sum, times) => sum + times - 1, 0);
    return {
      id,
      status: failed ? "failed" : divergence ? "diverged" : "passed",
      messages: this.#made.filter(({ type }) => type === "customer.message" || type === "reply").length,
      turns: this.#made.filter(({ type }) => type === "customer.message").length,
      skillCalls: this.#keys.size + repeated,
      transcriptHash: hashJson(this.#said),
      ...(divergence ? { divergence } : {}),
      lostMessages: this.#expected.length - this.#came,
      duplicatedSkillCalls: repeated,
      records: this.#byKind(),
      ...(divergence
        ? {}
        : { recording: recordingOf(id, this.#made, { ...this.#desk, digests: {} }, `run of ${file}`) }),
    };
  }

  async #open(): Promise<void> {
    const [first] = this.#run.steps;
    const limits = limitsOf(this.#run);
    const skills = Object.keys(this.#desk.settings.otherSkills ?? {});
    const agent = { skills, limits, greets: first?.kind === "proposes" };
    await this.#input(
      "conversation.open",
      { channel: "chat", customer: {}, agent } as JsonObject,
      first?.at ?? 0,
    );
    await this.#settle();
  }

  async #step(step: RunStep): Promise<void> {
    if (step.kind === "proposes") {
      await this.#hasCome(step.message);
      return;
    }
    if (step.kind === "acts") {
      const calls = step.calls.map(({ name, arguments: given, result }) => ({
        name,
        arguments: given,
        result,
      }));
      if (step.text) this.#said.push(["user", step.text]);
      this.#said.push(["user", calls.map(({ name, arguments: given }) => ({ name, arguments: given }))]);
      await this.#input("customer.acted", { text: step.text, calls } as JsonObject, step.at, "channel");
      return;
    }
    this.#said.push(["user", step.text]);
    await this.#input("customer.message", { text: step.text }, step.at);
    await this.#settle();
  }

  /** Everything that the recorded message came to then has to be here now. */
  async #hasCome(message: number): Promise<void> {
    await this.#settle();
    const missing = this.#expected[this.#came];
    if (missing && missing.message <= message)
      throw new Apart(missing.message, `the desk did not come to it: ${inWords(missing)}`);
  }

  async #input(type: string, data: JsonObject, at: number, kind = "conversation"): Promise<void> {
    const id = derivedId(this.#conversation, this.#made.length);
    const from = address("channel", this.#conversation);
    const to = address(kind, this.#conversation);
    await this.#put({ id, type, from, to, at, epoch: 0, clear: {}, data });
  }

  async #put(envelope: Envelope): Promise<void> {
    const at = Math.max(this.#desk.host.clock.at, envelope.at);
    const placed = { ...envelope, at };
    this.#made.push({ ...placed, seq: this.#made.length + 1 });
    if (this.#made.length > MOST_RECORDS) throw new ReplayStuckError(`${this.#run.id} does not come to rest`);
    this.#look(placed);
    this.#answered(placed);
    await this.#desk.host.put(placed);
  }

  #answered({ type, clear }: Envelope): void {
    if (type !== ANSWER) return;
    const { open } = this.#desk;
    const id = String(clear.ask);
    if (open.get(id) === PROPOSE) this.#played++;
    open.delete(id);
  }

  /** Until nothing is left to put and nothing asked that has an answer. */
  async #settle(): Promise<void> {
    const { log, open } = this.#desk;
    for (;;) {
      const [first] = log.held.values();
      if (first) {
        if (first.to.key === this.#conversation) await this.#put(first);
        else log.held.delete(first.id);
        continue;
      }
      const asked = [...open].find(([, what]) => what !== PROPOSE || this.#played < this.#outputs());
      if (!asked) return;
      const [id, what] = asked;
      if (!(await log.until(answerId(id))))
        throw new ReplayStuckError(`the answer of ${what} never came to whoever asked`);
    }
  }

  #outputs(): number {
    return this.#run.steps.filter(({ kind }) => kind === "proposes").length;
  }

  /** What leaves the desk is compared with what has its turn. */
  #look(record: Envelope): void {
    const { domain } = this.#run;
    const asked = askedIn(record);
    let got: Omit<Expected, "message"> | undefined;
    if (record.type === "reply" && record.to.kind === "channel") {
      got = { what: "says", content: record.data.text ?? null };
      this.#said.push(["assistant", record.data.text ?? null]);
    } else if (asked?.service === domain) {
      this.#keys.set(asked.key, (this.#keys.get(asked.key) ?? 0) + 1);
      const call = { name: asked.operation, arguments: record.data.input ?? null };
      got = { what: "asks", content: call };
      const last = this.#said.at(-1) as Json[] | undefined;
      // Calls of one output stand together.
      if (
        this.#expected[this.#came - 1]?.message === this.#expected[this.#came]?.message &&
        Array.isArray(last?.[1])
      )
        (last[1] as Json[]).push(call);
      else this.#said.push(["assistant", [call]]);
    }
    if (!got) return;
    const wanted = this.#expected[this.#came];
    if (!wanted) throw new Apart(this.#end(), `the desk ${inWords(got)}, and the recording is over`);
    if (wanted.what !== got.what || canonicalJson(wanted.content) !== canonicalJson(got.content))
      throw new Apart(wanted.message, `“${inWords(wanted)}” became “${inWords(got)}”`);
    this.#came++;
  }

  #end(): number {
    return (this.#run.steps.at(-1)?.message ?? 0) + 1;
  }

  #byKind(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const record of this.#made) {
      const kind = this.#kindOf(record);
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  /** An ask and its answer belong to the agent that is asked. */
  #kindOf(record: StoredRecord): string {
    const service = askedIn(record)?.service;
    if (service === undefined) return record.to.kind;
    if (service === this.#run.domain) return "data";
    return service === "model" ? "model" : "other";
  }
}

const PROPOSE = "model.propose";

function expectedOf(step: RunStep): Expected[] {
  if (step.kind !== "proposes") return [];
  const { message, text, calls } = step;
  return [
    ...(text ? [{ message, what: "says" as const, content: text }] : []),
    ...calls.map(({ name, arguments: given }) => ({
      message,
      what: "asks" as const,
      content: { name, arguments: given },
    })),
  ];
}

/** Limits that the run itself did not go beyond. */
function limitsOf({ steps }: AgentRun): JsonObject {
  const outputs = steps.flatMap((step) => (step.kind === "proposes" ? [step] : []));
  const calls = outputs.flatMap((output) => output.calls);
  const most = (numbers: number[]): number => Math.max(1, ...numbers);
  return {
    // One more is proposed than there are: that nobody answers.
    steps: outputs.length + 1,
    calls: most(outputs.map((output) => output.calls.length)),
    turnMs: Number.MAX_SAFE_INTEGER,
    replyChars: most(outputs.map(({ text }) => text.length)),
    argumentBytes: most(calls.map((call) => Buffer.byteLength(canonicalJson(call.arguments)))),
    resultChars: most(calls.map(({ result }) => JSON.stringify(result).length)),
    // Whether it was held by anything was for the desk that it was recorded on to say.
    grounded: false,
    threadChars: Number.MAX_SAFE_INTEGER,
  };
}

function inWords({ what, content }: Omit<Expected, "message">): string {
  const text = typeof content === "string" ? content : canonicalJson(content);
  const short = text.length > 160 ? `${text.slice(0, 159)}…` : text;
  return `${what} ${short}`;
}
