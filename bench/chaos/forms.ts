/** On what a run is played: one node for itself, or several that share the conversations, over one server or three. */
import { Random } from "../rehydration/random/random.ts";
import { CLUSTER_PROTECTIONS, DEALT_KINDS, type FaultKind, type Protection } from "./faults.ts";

export const FORMS = ["one-node", "three-nodes", "three-servers"] as const;

export type Form = (typeof FORMS)[number];

export interface FormSettings {
  readonly nodes: number;
  /** Servers, and copies of the log and of the buckets. */
  readonly servers: number;
  /** Of a node's session; absent where a node is alone. */
  readonly ttlMs?: number;
  /** Silence of a node after which its watchdog kills it: longer than its lease lasts, so that it may be away without that. */
  readonly stallMs: number;
}

export const FORM_SETTINGS: Readonly<Record<Form, FormSettings>> = {
  // Short against a desk's five seconds, so that more happens in a minute; a busy machine still beats in time.
  "one-node": { nodes: 1, servers: 1, stallMs: 2_500 },
  "three-nodes": { nodes: 3, servers: 1, ttlMs: 1_500, stallMs: 4_000 },
  // Servers that look for a new leader let all sessions lapse: then every node begins anew.
  "three-servers": { nodes: 3, servers: 3, ttlMs: 4_000, stallMs: 8_000 },
};

/** Forms of four runs that follow each other. */
const HAND: readonly Form[] = ["one-node", "three-nodes", "three-nodes", "three-servers"];

const ONLY_SEVERAL: readonly FaultKind[] = ["pause-past-lease", "drain-node"];
/** Three servers are slow to begin with: what a single one shows as well is left to it. */
const OF_THREE_SERVERS: readonly FaultKind[] = [
  "kill-one-server",
  "kill-one-server",
  "kill-node",
  "pause-past-lease",
  "drain-node",
  "delete-store",
  "corrupt-snapshot",
  "slow-reader",
  "large-record",
  "malformed-envelope",
  "throw",
  "duplicates",
  "clock-jump",
];

/** The kinds that a run of a form may meet; one that is named twice comes twice as often. */
export function kindsOf(form: Form): readonly FaultKind[] {
  if (form === "three-servers") return OF_THREE_SERVERS;
  const kinds = DEALT_KINDS.filter((kind) => kind !== "kill-one-server");
  return form === "one-node" ? kinds.filter((kind) => !ONLY_SEVERAL.includes(kind)) : kinds;
}

/** Whether a form can meet a kind, dealt or on demand. */
export function canMeet(form: Form, kind: FaultKind): boolean {
  if (kind === "kill-one-server") return form === "three-servers";
  if (kind === "kill-server" || kind.startsWith("full-")) return form !== "three-servers";
  return form !== "one-node" || !ONLY_SEVERAL.includes(kind);
}

/** Those of the forms that can meet all of these kinds. */
export function formsThatMeet(kinds: readonly FaultKind[], forms: readonly Form[]): Form[] {
  return forms.filter((form) => kinds.every((kind) => canMeet(form, kind)));
}

/** Forms in which a protection is what stands between a fault and its harm. */
export function formsOf(broken: Protection | undefined): readonly Form[] {
  if (broken === undefined) return FORMS;
  return CLUSTER_PROTECTIONS.includes(broken) ? ["three-nodes"] : ["one-node"];
}

/**
 * The form of a run, and how many runs before it had the same. It follows from the seed alone.
 * @param forms those to choose from
 */
export function formOf(
  seed: string,
  run: number,
  forms: readonly Form[] = FORMS,
): { readonly form: Form; readonly before: number } {
  const dealt: Form[] = [];
  const hand = HAND.filter((form) => forms.includes(form));
  for (let n = 0; dealt.length <= run; n++) {
    const random = new Random(`${seed} forms ${n}`);
    const left = [...hand];
    while (left.length > 0) dealt.push(...left.splice(random.between(0, left.length - 1), 1));
  }
  const form = dealt[run]!;
  return { form, before: dealt.slice(0, run).filter((each) => each === form).length };
}
