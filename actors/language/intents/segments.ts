/** A message in the pieces that may each hold a wish of their own. */
import { type Span, sentences } from "../text.ts";

export interface SegmentOptions {
  /** Pieces at most; what comes after is read only as part of the whole. Default 12. */
  readonly limit?: number;
}

/** Where a second wish starts within a sentence. */
const JOINT =
  /(?:,|;| -|–|—)?\s+(?:and(?: then)?|but|also|plus|then|as well as|after that|und|außerdem|et|y|también|en|ook)\s+(?:also\s+|then\s+|please\s+|could\s|can\s|i\s|i'|we\s|how\s|what\s|when\s|where\s|is\s|do\s|does\s|will\s|tell\s|let\s|give\s|send\s|cancel\s|change\s|update\s|return\s|exchange\s|refund\s|check\s|swap\s|replace\s|switch\s|track\s|modify\s|upgrade\s|downgrade\s|stop\s|get\s|know\s|find\s|help\s|ich\s|ihr\s|je\s|quiero\s|ik\s)/giu;
const MIN_WORDS = 2;

/** Sentences, cut where "and also …" starts another wish; each has two words at least unless it is all there is. */
export function segments(text: string, options: SegmentOptions = {}): Span[] {
  const limit = options.limit ?? 12;
  const found: Span[] = [];
  const all = sentences(text);
  for (const sentence of all) {
    for (const piece of cut(sentence)) {
      if (found.length >= limit) return found;
      if (wordCount(piece.text) >= MIN_WORDS || all.length === 1) found.push(piece);
    }
  }
  return found;
}

function cut(sentence: Span): Span[] {
  if (sentence.text.length < 24) return [sentence];
  const pieces: Span[] = [];
  let from = 0;
  for (const m of sentence.text.matchAll(JOINT)) {
    const before = sentence.text.slice(from, m.index);
    if (wordCount(before) < 3 || wordCount(sentence.text.slice(m.index + m[0].length)) < 2) continue;
    pieces.push(part(sentence, from, m.index));
    from = m.index;
  }
  pieces.push(part(sentence, from, sentence.text.length));
  return pieces;
}

function part(sentence: Span, from: number, to: number): Span {
  const raw = sentence.text.slice(from, to);
  const lead = /^[\s,;–—-]*(?:(?:and|but|und|et|y|en)\s+)?/iu.exec(raw)![0].length;
  const start = sentence.start + from + lead;
  const text = raw.slice(lead).trimEnd();
  return { text, start, end: start + text.length };
}

function wordCount(text: string): number {
  return text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
}
