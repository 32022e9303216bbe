/** Random machines by the hundred, each run twice: kept alive, and restored between every two events. */
import { MOST_STEPS, playCourse } from "./random/course.ts";
import { type RandomMachine, randomMachine } from "./random/generate.ts";
import { Random } from "./random/random.ts";
import { type Difference, type Restore, Twins } from "./twins.ts";

export interface MachinesResult {
  readonly machines: number;
  /** How many machines have at least one of each, their children's included. */
  readonly with: Readonly<Record<keyof RandomMachine["has"], number>>;
  /** Folds of each of the two runs, and as many restores of the second. */
  readonly steps: number;
  /** Delayed events. */
  readonly armed: number;
  readonly fired: number;
  readonly differences: readonly MachineDifference[];
}

export interface MachineDifference extends Difference {
  /** From 1; with the seed it makes the same machine and the same course again. */
  readonly machine: number;
}

export interface MachinesOptions {
  readonly seed: string;
  readonly machines: number;
  readonly restore?: Restore;
  readonly onMachine?: (done: number) => void;
}

/** @throws BrokenMachineError where the generator made a machine that throws */
export function compareMachines(options: MachinesOptions): MachinesResult {
  const differences: MachineDifference[] = [];
  const having = { delays: 0, parallel: 0, shallow: 0, deep: 0, children: 0 };
  let [steps, armed, fired] = [0, 0, 0];
  for (let n = 1; n <= options.machines; n++) {
    const random = new Random(`${options.seed}/${n}`);
    const { machine, has } = randomMachine(random);
    for (const name of Object.keys(having) as (keyof typeof having)[]) if (has[name] > 0) having[name]++;
    const twins = new Twins(machine, { restore: options.restore, mostSteps: MOST_STEPS });
    playCourse(twins, random);
    steps += twins.steps;
    armed += twins.armed;
    fired += twins.fired;
    if (twins.difference) differences.push({ machine: n, ...twins.difference });
    options.onMachine?.(n);
  }
  return { machines: options.machines, with: having, steps, armed, fired, differences };
}
