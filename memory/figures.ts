/** Figures of evaluations, as they are printed. */

export function rounded(value: number, digits = 4): number {
  const unit = 10 ** digits;
  return Math.round(value * unit) / unit;
}

/** @param sorted ascending; 0 where there are none @param share 0 … 1 */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
