/** Latencies by stage of a turn, against their budgets. */
import { STAGES, type StageTime } from "../scenarios/stages.ts";
import { type Held, holdAgainst, readBudgets } from "./budgets.ts";
import { Latencies, type Percentiles } from "./harness/index.ts";

export class StageTally {
  readonly #stages = new Map<string, Latencies>();

  add(times: readonly StageTime[]): void {
    for (const { stage, ms } of times) {
      let latencies = this.#stages.get(stage);
      if (!latencies) {
        latencies = new Latencies();
        this.#stages.set(stage, latencies);
      }
      latencies.record(ms);
    }
  }

  /** Stages that happened, in the order in which a turn goes through them. */
  percentiles(): Record<string, Percentiles> {
    const result: Record<string, Percentiles> = {};
    for (const stage of STAGES) {
      const p = this.#stages.get(stage)?.percentiles();
      if (p) result[stage] = p;
    }
    return result;
  }

  held(channel = "chat"): Held[] {
    return holdAgainst(readBudgets()[channel], this.percentiles());
  }
}
