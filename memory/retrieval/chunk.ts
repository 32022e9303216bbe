/**
 * Cuts an article in Markdown into passages: at its headings first, then, where a section is long, between paragraphs
 * and sentences, with some overlap, so that what stands at a cut is whole in one of the two.
 */
export interface Passage {
  /** Headings above it, outermost first. */
  readonly headings: readonly string[];
  readonly text: string;
}

export interface ChunkOptions {
  /** Words of a passage. Default 90: as much as a small sentence encoder reads. */
  readonly words?: number;
  /** Words repeated from the end of the passage before. Default 20. */
  readonly overlap?: number;
}

const HEADING = /^(#{1,6})\s+(.+?)\s*#*\s*$/;

export function passagesOf(markdown: string, { words = 90, overlap = 20 }: ChunkOptions = {}): Passage[] {
  const passages: Passage[] = [];
  for (const { headings, lines } of sections(markdown)) {
    const units = lines
      .join("\n")
      .split(/\n{2,}/)
      .flatMap((paragraph) => unitsOf(paragraph, words));
    for (const text of packed(units, words, overlap)) passages.push({ headings, text });
  }
  return passages;
}

function sections(markdown: string): { headings: string[]; lines: string[] }[] {
  const found: { headings: string[]; lines: string[] }[] = [];
  let path: { level: number; title: string }[] = [];
  let current: { headings: string[]; lines: string[] } = { headings: [], lines: [] };
  let fenced = false;
  for (const line of markdown.split(/\r?\n/)) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    const heading = fenced ? null : HEADING.exec(line);
    if (!heading) {
      current.lines.push(line);
      continue;
    }
    found.push(current);
    const level = heading[1]!.length;
    path = [...path.filter((above) => above.level < level), { level, title: heading[2]! }];
    current = { headings: path.map(({ title }) => title), lines: [] };
  }
  found.push(current);
  return found.filter(({ lines }) => lines.some((line) => line.trim() !== ""));
}

/** A paragraph that fits, else its lines or sentences, else pieces of words. */
function unitsOf(paragraph: string, limit: number): string[] {
  const text = paragraph.trim();
  if (text === "") return [];
  if (countWords(text) <= limit) return [text];
  const finer = text.includes("\n") ? text.split("\n") : text.split(/(?<=[.!?])\s+/);
  if (finer.length > 1) return finer.flatMap((part) => unitsOf(part, limit));
  const all = text.split(/\s+/);
  return Array.from({ length: Math.ceil(all.length / limit) }, (_, i) =>
    all.slice(i * limit, (i + 1) * limit).join(" "),
  );
}

/** Puts units together up to the limit; a passage begins with the last units of the one before, up to the overlap. */
function packed(units: readonly string[], limit: number, overlap: number): string[] {
  const passages: string[] = [];
  let open: string[] = [];
  let fresh = 0;
  for (const unit of units) {
    if (fresh > 0 && countWords(open.join(" ")) + countWords(unit) > limit) {
      passages.push(open.join("\n"));
      open = tail(open, overlap);
      fresh = 0;
    }
    open.push(unit);
    fresh++;
  }
  if (fresh > 0) passages.push(open.join("\n"));
  return passages;
}

function tail(units: readonly string[], overlap: number): string[] {
  const kept: string[] = [];
  for (let i = units.length - 1; i >= 0 && countWords([units[i]!, ...kept].join(" ")) <= overlap; i--) {
    kept.unshift(units[i]!);
  }
  return kept;
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}
