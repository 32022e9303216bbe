/** Running, parking and resuming playbooks, and doing what they ask for. */
import type { Json, JsonObject } from "../../runtime/json.ts";
import { approvalRule } from "../orchestrator/policy.ts";
import type {
  PlaybookCustomer,
  PlaybookEvent,
  SlotType,
  TaskApproval,
  TaskStep,
} from "../playbooks/protocol.ts";
import type { PlaybookMessage, Run } from "./context.ts";
import { cut, earlier } from "./history.ts";
import { remember } from "./memory.ts";
import type { PlaybookEntry } from "./options.ts";
import type { Step } from "./step.ts";

/** Characters of an open question that are kept to come back to. */
const PROMPT = 600;

export function playbookCustomer(s: Step): PlaybookCustomer | null {
  const { customer } = s.c;
  if (!customer.verified || !customer.id) return null;
  const known: { -readonly [K in keyof PlaybookCustomer]: PlaybookCustomer[K] } = {
    id: customer.id,
    verified: true,
  };
  if (customer.name) known.name = customer.name;
  if (customer.firstName) known.firstName = customer.firstName;
  if (customer.email) known.email = customer.email;
  return known;
}

/**
 * Starts a playbook on a request; what runs is parked.
 * @param fresh the request is in the message of this turn, whose understanding is then its own
 */
export function start(s: Step, entry: PlaybookEntry, text: string, fresh = true): void {
  s.c.leftOpen = undefined;
  if (s.c.run) park(s);
  const again = s.c.parked.find(
    (run) => run.name === entry.name && run.expects && run.expects.what !== "approval",
  );
  if (again && fresh) {
    s.c.parked = s.c.parked.filter((run) => run.child !== again.child);
    s.c.run = again;
    deliver(s, again, turnEvent(s, text));
    return;
  }
  s.c.counts.runs += 1;
  const child = `playbook-${s.c.counts.runs}`;
  s.c.run = { child, name: entry.name, src: entry.src, label: entry.label, tasks: [] };
  const settings = s.settings.playbooks.settings?.(entry.name);
  s.spawn(child, entry.src, {
    customer: playbookCustomer(s),
    slots: {},
    at: s.at,
    understanding: (fresh && s.c.now?.understanding) || null,
    text,
    earlier: earlier(s, !fresh),
    ...(settings ? { settings: settings as JsonObject } : {}),
  });
  s.go("playbook");
  s.settle();
}

/** Hands an event to a playbook and waits for what it makes of it. */
export function deliver(s: Step, run: Run, event: PlaybookEvent): void {
  s.send(run.child, event);
  s.go("playbook");
  s.settle();
}

/** @param as what the message's yes or no counts as, where its words alone would mislead */
export function turnEvent(s: Step, text: string, as?: "yes" | "no" | null): PlaybookEvent {
  const heard = s.c.now!.understanding!;
  const understanding = as === undefined ? heard : { ...heard, yesNo: as };
  return { type: "turn", understanding, text, at: s.at };
}

/** Sets the running playbook aside. The oldest that waits for nothing makes room. */
export function park(s: Step): void {
  const { run } = s.c;
  if (!run) return;
  s.c.run = undefined;
  s.c.verification.awaiting = false;
  s.c.parked.push(run);
  while (s.c.parked.length > s.options.parked) {
    const idle = s.c.parked.findIndex((candidate) => candidate.tasks.length === 0);
    const [dropped] = s.c.parked.splice(Math.max(idle, 0), 1);
    s.stop(dropped!.child);
  }
}

/** Ends the running playbook. */
export function drop(s: Step): void {
  const { run } = s.c;
  if (!run) return;
  s.stop(run.child);
  s.c.run = undefined;
  s.c.verification.awaiting = false;
  s.c.open = s.c.open.filter((open) => !(open.kind === "call" && open.child === run.child));
}

/** Ends everything that runs or waits; tasks under way end by themselves and are noted. */
export function dropAll(s: Step): void {
  for (const run of [s.c.run, ...s.c.parked]) if (run) s.stop(run.child);
  s.c.run = undefined;
  s.c.parked = [];
  s.c.requests = [];
  s.c.inbox = [];
  s.c.verification.awaiting = false;
  s.c.clarify = undefined;
  s.c.offering = undefined;
  s.c.more = undefined;
  if (s.c.agent) {
    s.c.agent.calls = [];
    s.c.agent.pending = undefined;
  }
}

/** Brings the latest parked playbook back; it says its question again. */
export function resume(s: Step): void {
  const run = s.c.parked.pop();
  if (!run) return;
  run.interrupted = undefined;
  s.c.run = run;
  // One that waited for verification has asked nothing yet: it hears that the customer is known, or it is asked again.
  if (run.verifying) s.settle();
  else s.send(run.child, { type: "resume", at: s.at });
  s.go("playbook");
  if (!run.verifying) s.settle();
}

export function verifiedEvent(s: Step): PlaybookEvent {
  const said = s.c.verification.said;
  s.c.verification.said = [];
  return { type: "customer.verified", customer: playbookCustomer(s)!, at: s.at, said };
}

/** Says the open question of the running playbook again, after a detour. */
export function sayPrompt(s: Step): void {
  const { run } = s.c;
  if (run?.expects && run.expects.what !== "approval" && run.prompt) {
    s.say(run.prompt, { quickReplies: run.quickReplies ?? [] });
  }
}

/** What the commands of one fold come to. */
export interface Settled {
  verify: boolean;
  /** A command was refused and the playbook was told; it will say what it makes of that. */
  refused: boolean;
  handoff?: { reason: string; sentence: string; summary: string };
  done?: string;
}

const WORK = new Set(["pb.say", "pb.call", "pb.task", "pb.verify", "pb.done"]);

/** Does what the playbook asked for, in its order. */
export function obey(s: Step): Settled {
  const settled: Settled = { verify: false, refused: false };
  const commands = s.c.inbox;
  s.c.inbox = [];
  const run = s.c.run;
  if (!run) return settled;
  const words: string[] = [];
  for (const command of commands) {
    // Whatever a playbook does next, its question is answered; it puts the next one itself.
    if (WORK.has(command.type)) run.expects = undefined;
    if (command.type === "pb.say") {
      words.push(String(command.text));
      run.quickReplies = command.quickReplies ? [...command.quickReplies] : undefined;
      s.say(String(command.text), {
        quickReplies: command.quickReplies ?? [],
        citations: command.citations ?? [],
      });
    } else if (command.type === "pb.expect") {
      run.expects = { slots: [...command.slots] as SlotType[], what: command.what };
      run.prompt = cut(words.at(-1) ?? run.prompt ?? "", PROMPT);
    } else if (command.type === "pb.verify") {
      settled.verify = true;
      if (command.order) addOrder(s, String(command.order));
    } else if (command.type === "pb.call") {
      settled.refused = !call(s, run, command) || settled.refused;
    } else if (command.type === "pb.task") {
      settled.refused = !startTask(s, run, command) || settled.refused;
    } else if (command.type === "pb.handoff") {
      settled.handoff = {
        reason: String(command.reason),
        sentence: String(command.sentence),
        summary: String(command.summary ?? ""),
      };
    } else if (command.type === "pb.remember") {
      remember(s, String(command.factType), (command.value ?? null) as Json, String(command.text));
    } else if (command.type === "pb.offer") {
      const { type: _type, ...offer } = command;
      s.channel("offer", offer as JsonObject);
    } else if (command.type === "pb.done") {
      settled.done = String(command.result);
    }
  }
  return settled;
}

function addOrder(s: Step, order: string): void {
  if (!s.c.evidence.orders.includes(order)) s.c.evidence.orders = [...s.c.evidence.orders, order].slice(-6);
}

/** `orders.get` is operation `get` of the agent `orders`. */
export function splitSkill(skill: string): { service: string; operation: string } {
  const dot = skill.indexOf(".");
  return { service: skill.slice(0, dot), operation: skill.slice(dot + 1).replaceAll(".", "_") };
}

/** The input with the verified customer in it, whatever the playbook wrote; undefined when nobody is verified. */
export function bind(s: Step, skill: string, input: JsonObject): JsonObject | undefined {
  const { customer } = s.c;
  if (!s.settings.recordSystems.includes(splitSkill(skill).service)) return input;
  if (!customer.verified || !customer.id) return undefined;
  return "customerId" in input ? { ...input, customerId: customer.id } : input;
}

function call(s: Step, run: Run, command: PlaybookMessage): boolean {
  const skill = String(command.skill);
  const input = bind(s, skill, (command.input ?? {}) as JsonObject);
  if (!input) {
    const error = { code: "forbidden", message: `${skill} needs a verified customer`, retryable: false };
    deliver(s, run, { type: "call.failed", name: String(command.name), error, at: s.at });
    return false;
  }
  const { service, operation } = splitSkill(skill);
  s.ask(
    { kind: "call", child: run.child, call: String(command.name) },
    service,
    operation,
    input,
    s.options.callMs,
  );
  return true;
}

function startTask(s: Step, run: Run, command: PlaybookMessage): boolean {
  const name = String(command.name);
  const steps: TaskStep[] = [];
  for (const step of command.steps as any[]) {
    const input = bind(s, step.skill, step.input ?? {});
    const undo = step.compensate ? bind(s, step.compensate.skill, step.compensate.input ?? {}) : undefined;
    if (!input || (step.compensate && !undo)) {
      const error = {
        code: "forbidden",
        message: `${step.skill} needs a verified customer`,
        retryable: false,
      };
      deliver(s, run, { type: "task.failed", name, error, at: s.at });
      return false;
    }
    steps.push({
      skill: step.skill,
      input,
      ...(undo ? { compensate: { skill: step.compensate.skill, input: undo } } : {}),
    });
  }
  run.tasks.push(
    beginTask(s, { child: run.child, name, label: run.label, steps, approval: command.approval }),
  );
  return true;
}

/** Has a task carry steps out, after a person's approval where it is wanted or the rules want one; answers its id. */
export function beginTask(
  s: Step,
  {
    child,
    name,
    label,
    steps,
    approval = ruled(s, label, steps),
  }: {
    readonly child: string;
    /** The id unless given. */
    readonly name?: string;
    readonly label: string;
    readonly steps: readonly TaskStep[];
    readonly approval?: TaskApproval;
  },
): string {
  s.c.counts.tasks += 1;
  const id = `${s.c.id}-t${s.c.counts.tasks}`;
  s.c.tasks.push({ id, child, name: name ?? id, label });
  const data: Record<string, Json> = { name: name ?? id, label, steps: steps as unknown as Json };
  if (approval) data.approval = approval as unknown as Json;
  s.tell("task", id, "task.start", data);
  return id;
}

/** The desk's rules may want an approval where the playbook does not. */
function ruled(s: Step, what: string, steps: readonly TaskStep[]): TaskApproval | undefined {
  const rule = approvalRule(s.policy, steps);
  if (!rule) return undefined;
  return rule.amount === undefined ? { what } : { what, amount: rule.amount };
}
