/** From which score on a text counts as one of the known intents. */
import type { HeldOutResult } from "./classifier.ts";

/** Share of known texts that may be turned away where no foreign ones are there to choose by. */
const TURNED_AWAY = 0.05;

/** A threshold this close to the best one is as good: the lower of both turns fewer customers away. */
const AS_GOOD = 0.004;

/** Share of known texts that may be lost although they were understood: customers turned away wrongly cost the most. */
const LOST = 0.03;

/**
 * The lowest threshold whose mean of accuracy on known texts and recall of foreign ones is about the best: both kinds count
 * the same, however many there are, as long as few understood texts are lost. Texts with `inside` below it are turned away.
 */
export function chooseThreshold(results: readonly HeldOutResult[]): number {
  const known = results.filter((r) => r.within);
  const foreign = results.filter((r) => !r.within);
  if (known.length === 0) return 0.5;
  const sorted = [...results].sort((a, b) => a.inside - b.inside);
  if (foreign.length === 0) return sorted[Math.floor(sorted.length * TURNED_AWAY)]!.inside;

  let right = known.filter((r) => r.right).length;
  let turned = 0;
  const least = right / known.length - LOST;
  const candidates = [{ threshold: 0, value: right / known.length / 2 }];
  for (const [i, row] of sorted.entries()) {
    if (!row.within) turned++;
    else if (row.right) right--;
    const next = sorted[i + 1]?.inside ?? 1;
    if (next === row.inside) continue;
    if (right / known.length < least) break;
    const value = (right / known.length + turned / foreign.length) / 2;
    candidates.push({ threshold: (row.inside + next) / 2, value });
  }
  const best = Math.max(...candidates.map((c) => c.value));
  return candidates.find((c) => c.value >= best - AS_GOOD)!.threshold;
}
