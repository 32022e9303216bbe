/**
 * Versions of machines (L11): an actor stays on the one that was current when its first record was written, which that record
 * says, for as long as a release runs it; or it goes on in a later one by a declared migration.
 */
import { UnavailableError } from "../engine.ts";
import { copyJson, type Json, type JsonObject } from "../json.ts";
import type { CellState } from "./cell-store.ts";
import type { ActorDefinition, MachineState, MachineVersion, Migration } from "./definition.ts";
import { inFold } from "./fold-guard.ts";
import { LiveMachine, type PersistedMachine } from "./live-machine.ts";
import { stateHash } from "./state-hash.ts";

/** Before an actor is looked at again that is in a version which this release does not run, ms. */
export const UNKNOWN_AGAIN_MS = 5_000;
/** Of a record that does not say for which version it was written. */
export const FIRST_VERSION = 1;

/**
 * An actor is in a version of its machine that this release does not run, and that nothing leads on from. Nothing is lost: its
 * records wait in the log for a release that has the version.
 */
export class UnknownVersionError extends UnavailableError {
  override readonly name = "UnknownVersionError";
  constructor(message: string) {
    super(message, UNKNOWN_AGAIN_MS);
  }

  static ofMachine(actor: string, version: number, definition: ActorDefinition): UnknownVersionError {
    return new UnknownVersionError(
      `${actor} is in version ${version} of the machine of ${definition.kind}, this release runs ${versionsOf(definition).join(", ")}: ` +
        `start a release that has version ${version}`,
    );
  }

  /** @param child what the release does not have, such as a playbook `<name>@<version>` */
  static ofChild(actor: string, child: string): UnknownVersionError {
    return new UnknownVersionError(
      `${actor} is in the middle of ${child}, which is not there any more: put it back`,
    );
  }
}

/** The machine of a version; undefined where this release does not run it. */
export function machineOf(definition: ActorDefinition, version: number): MachineVersion | undefined {
  return definition.version === version ? definition : definition.earlier?.find((e) => e.version === version);
}

/** The versions that a release runs, ascending. */
export function versionsOf({ version, earlier = [] }: ActorDefinition): number[] {
  return [...earlier.map((each) => each.version), version].sort((a, b) => a - b);
}

/** What a node tells the others of the versions that it runs, by kind; a kind that is left out has the first one only. */
export function versionsByKind(definitions: readonly ActorDefinition[]): Record<string, number[]> {
  const known = definitions.map((definition) => [definition.kind, versionsOf(definition)] as const);
  return Object.fromEntries(known.filter(([, versions]) => versions.some((each) => each !== FIRST_VERSION)));
}

/**
 * The version that an actor begins with: the latest that all nodes run, so that whoever owns it can fold it while releases are
 * exchanged one node after the other; this node's where they have none in common.
 * @param own what this node runs of the kind, ascending
 * @param others what each other living node runs, by kind, as it says itself
 */
export function versionToBegin(kind: string, own: readonly number[], others: readonly unknown[]): number {
  const runs = (said: unknown, version: number): boolean => {
    const versions = (said as Record<string, unknown> | undefined)?.[kind];
    return Array.isArray(versions) ? versions.includes(version) : version === FIRST_VERSION;
  };
  return (own.findLast((version) => others.every((said) => runs(said, version))) ?? own.at(-1))!;
}

/** @throws TypeError where what a release says of its versions does not hold together */
export function checkVersions(definition: ActorDefinition): void {
  const { kind, version, migrations = [] } = definition;
  const wrong = (what: string): never => {
    throw new TypeError(`definition of ${kind}: ${what}`);
  };
  const known = versionsOf(definition);
  for (const each of known)
    if (!Number.isSafeInteger(each) || each < FIRST_VERSION)
      wrong(`version ${each} is no whole number from 1`);
  if (new Set(known).size < known.length) wrong("a version is there twice");
  if (known.some((each) => each > version)) wrong(`an earlier version is above the present one, ${version}`);
  if (new Set(migrations.map(({ from }) => from)).size < migrations.length)
    wrong("two migrations begin at the same version");
  for (const { from, to } of migrations) {
    if (from >= to) wrong(`a migration leads from ${from} to ${to}: it has to lead to a later version`);
    if (!machineOf(definition, to) && !migrations.some((next) => next.from === to))
      wrong(`a migration leads to version ${to}, which this release does not run`);
  }
}

/** The migrations that lead on from a version, one after the other. */
function stepsFrom({ migrations = [] }: ActorDefinition, version: number): Migration[] {
  const steps: Migration[] = [];
  const next = (at: number) => migrations.find(({ from }) => from === at);
  for (let step = next(version); step; step = next(step.to)) steps.push(step);
  return steps;
}

/** Whether a migration leads on from a version. */
export function leadsOn({ migrations = [] }: ActorDefinition, version: number): boolean {
  return migrations.some(({ from }) => from === version);
}

/**
 * A state in the version that migrations lead to. It follows from the state alone.
 * @param id of the actor
 * @throws what a migration throws, or what the machine says to a state that it can't be in
 */
export function migrated(definition: ActorDefinition, state: CellState, id: string): CellState {
  let { version, machine } = state;
  for (const step of stepsFrom(definition, version)) {
    const before = opened(machine);
    const after = inFold(state.at, `migrate ${id}`, () => step.migrate(before));
    machine = closed(machine, after);
    version = step.to;
  }
  const live = LiveMachine.moved(machineOf(definition, version)!.machine, machine, id, state.at);
  machine = live.persist();
  return { ...state, version, machine, hash: stateHash(machine) };
}

interface Persisted extends JsonObject {
  value: Json;
  context: JsonObject;
  children: JsonObject;
}

/** A copy: a migration may write into what it is given. */
function opened({ snapshot, timers }: PersistedMachine): MachineState {
  const { value, context, children = {} } = snapshot as Persisted;
  return copyJson({ value, context, children, timers });
}

function closed({ snapshot, generation }: PersistedMachine, after: MachineState): PersistedMachine {
  // What a history remembers are states of the version before.
  const { historyValue: _, ...rest } = snapshot as Persisted;
  const { value, context, children, timers } = JSON.parse(JSON.stringify(after)) as MachineState;
  return { snapshot: { ...rest, historyValue: {}, value, context, children }, timers, generation };
}
