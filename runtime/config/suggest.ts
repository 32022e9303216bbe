/** "Did you mean": the nearest of the known words. */

/** Number of insertions, deletions, replacements and swaps of neighbours between two words. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** The known word that was probably meant; undefined when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const plain = (s: string) => s.toLowerCase().replace(/[_-]/g, "");
  let best: string | undefined;
  let distance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const d = editDistance(plain(word), plain(candidate));
    if (d < distance) {
      best = candidate;
      distance = d;
    }
  }
  return best;
}

/** ` (did you mean "port"?)`, or what there is when nothing is near, or nothing when there is nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const words = [...known];
  const near = nearest(word, words);
  if (near !== undefined) return `; did you mean ${JSON.stringify(near)}?`;
  return words.length > 0 && words.length <= 12 ? `; known here: ${words.join(", ")}` : "";
}
