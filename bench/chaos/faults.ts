/** The kinds of faults that a run may meet. How each is done is in `inject/`. */
export const FAULT_KINDS = [
  "kill-node",
  "pause-node",
  "pause-past-lease",
  "drain-node",
  "kill-server",
  "kill-one-server",
  "delete-store",
  "truncate-store",
  "corrupt-snapshot",
  "full-stream",
  "full-disk",
  "full-server-disk",
  "slow-reader",
  "large-record",
  "malformed-envelope",
  "throw",
  "microsteps",
  "spin",
  "emit-10000",
  "grow",
  "duplicates",
  "clock-jump",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/**
 * Kinds that a run meets unless it is told which. Not the server's own full disk: after it nats-server 2.9.10 often takes no
 * consumers for its stream until it is started once more, although it answers otherwise (`--only full-server-disk` shows it).
 */
export const DEALT_KINDS: readonly FaultKind[] = FAULT_KINDS.filter((kind) => kind !== "full-server-disk");

/** Kinds that are one record which ruins its own actor: it has to end as quarantined, and nobody else may notice. */
export const POISONS = ["throw", "microsteps", "spin", "emit-10000", "grow"] as const;

export type PoisonKind = (typeof POISONS)[number];

export function isPoison(kind: FaultKind): kind is PoisonKind {
  return (POISONS as readonly string[]).includes(kind);
}

export interface Fault {
  /** From the start of the load, ms. */
  readonly at: number;
  readonly kind: FaultKind;
  /** What is left to chance in how it is done follows from this. */
  readonly seed: string;
}

/** Protections that can be switched off, to see that the checker notices. */
export const PROTECTIONS = [
  "dedupe",
  "position",
  "lease",
  "fence",
  "ask",
  "timer",
  "seal",
  "quarantine",
] as const;

export type Protection = (typeof PROTECTIONS)[number];

/** Protections that only several nodes have. */
export const CLUSTER_PROTECTIONS: readonly Protection[] = ["lease", "fence"];

/** The kinds of faults that a protection is there for: a run without it meets them, and others as well. */
export const TRIALS: Readonly<Record<Protection, readonly FaultKind[]>> = {
  dedupe: ["duplicates"],
  position: ["kill-node", "kill-node"],
  lease: ["pause-past-lease", "pause-past-lease", "pause-past-lease"],
  fence: ["pause-past-lease", "pause-past-lease", "pause-past-lease"],
  ask: ["kill-node", "kill-node", "kill-node"],
  timer: ["kill-node", "kill-node"],
  seal: [],
  quarantine: ["throw"],
};
