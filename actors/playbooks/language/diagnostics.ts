/** What is wrong with a playbook, and where. */

export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly col: number;
  /** A short, stable word: `unreachable`, `unknown-key` … */
  readonly code: string;
  readonly message: string;
}

/** `file:line:col code message`, as editors and terminals like it. */
export function formatDiagnostic(d: Diagnostic): string {
  return `${d.file}:${d.line}:${d.col} ${d.code}: ${d.message}`;
}

/** A playbook that the compiler refuses; holds everything that is wrong with it. */
export class PlaybookError extends Error {
  override readonly name = "PlaybookError";
  /** Invalid input. */
  readonly exitCode = 2;
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join("\n"));
  }
}

/** ` (did you mean "x"?)` when something known is near, else nothing. */
export function didYouMean(word: string, known: Iterable<string>): string {
  let best = "";
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const k of known) {
    const d = distance(word, k, least);
    if (d < least) {
      least = d;
      best = k;
    }
  }
  return best ? ` (did you mean "${best}"?)` : "";
}

function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
