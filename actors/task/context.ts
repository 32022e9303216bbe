/** The state of a task, and what may be set about tasks. JSON throughout. */
import type { Address } from "../../runtime/address.ts";
import type { JsonObject } from "../../runtime/json.ts";
import type { TaskApproval, TaskStep } from "../playbooks/protocol.ts";

export interface TaskOptions {
  /** Deadline of one attempt at a step. ms */
  readonly stepMs: number;
  /** Attempts at a step, the first included. */
  readonly attempts: number;
  /** Wait before the second attempt; doubled for each further one. ms */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Deadline of the question what came of a key. ms */
  readonly lookupMs: number;
  /** How long a person may take to approve. ms */
  readonly approvalMs: number;
}

export const TASK_DEFAULTS: TaskOptions = {
  stepMs: 8_000,
  attempts: 3,
  backoffMs: 1_000,
  maxBackoffMs: 30_000,
  lookupMs: 5_000,
  approvalMs: 24 * 60 * 60_000,
};

/** What a task has to know of a skill. */
export interface TaskSkill {
  readonly effect: "read" | "write";
  /** The system applies one key once, so that a step may simply be tried again. */
  readonly honoursKeys: boolean;
  /** The system answers what came of a key. */
  readonly lookup?: boolean;
  readonly inputs?: { readonly required: readonly string[]; readonly optional: readonly string[] };
}

export interface TaskSettings {
  readonly options: TaskOptions;
  /** Keeps the list of what nobody knows. */
  readonly orchestrator: Address;
  readonly skills: { get(name: string): TaskSkill | undefined };
}

export interface TaskError {
  code: string;
  message: string;
  retryable?: boolean;
}

export const TASK_PHASES = [
  "idle",
  "approving",
  "running",
  "backingOff",
  "lookingUp",
  "unknown",
  "finished",
] as const;
export type TaskPhase = (typeof TASK_PHASES)[number];

export interface Task {
  id: string;
  conversation: string;
  phase: TaskPhase;
  name: string;
  /** For the customer: what this is about. */
  label: string;
  steps: TaskStep[];
  approval?: TaskApproval;
  /** Id of the approval that was given. */
  approved?: string;
  /** Forward, or taking back what was done. */
  direction: "do" | "undo";
  /** The step at hand. */
  index: number;
  /** Attempts at it. */
  attempt: number;
  /** Asks made so far: names of asks are unique. */
  asks: number;
  open?: { name: string; what: "step" | "lookup" };
  /** Values of the steps that were done. */
  results: (JsonObject | null)[];
  error?: TaskError;
  /** Skills whose effect could not be taken back. */
  left: string[];
  /** The conversation was told how it ended. */
  reported: boolean;
  /** An effect whose outcome nobody knows. */
  unknown?: { id: string; skill: string; key: string };
}

export interface TaskContext {
  t: Task;
}

export function newTask(id: string, conversation: string): Task {
  return {
    id,
    conversation,
    phase: "idle",
    name: "",
    label: "",
    steps: [],
    direction: "do",
    index: 0,
    attempt: 0,
    asks: 0,
    results: [],
    left: [],
    reported: false,
  };
}
