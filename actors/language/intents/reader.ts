/**
 * Reads the wishes out of a message. Customers write several sentences, and a wish is one of them: each piece is classified by
 * itself, the message as a whole as well, and the two are put together.
 */

import type { Span } from "../text.ts";
import type { Encoder, Entity, Request, ScoredIntent } from "../types.ts";
import type { IntentClassifier, Prediction } from "./classifier.ts";
import { segments } from "./segments.ts";
import { Speller } from "./spelling.ts";
import { chooseThreshold } from "./threshold.ts";
import { plainWish } from "./wish.ts";

export interface Reading {
  readonly intent: ScoredIntent | null;
  readonly alternatives: readonly ScoredIntent[];
  readonly requests: readonly Request[];
}

export interface ReaderOptions {
  /** Intents that are a wish; the others (greetings, thanks, details) come beside one and never outrank it. */
  readonly wishes: ReadonlySet<string>;
  /** Pieces of a message that are classified by themselves. Default 16. */
  readonly pieces?: number;
  /** Of these, pieces that go through the encoder: the ones that look most like a wish by their words. Default 5. */
  readonly encoded?: number;
  /** A wish counts as a request of its own from this confidence on. Default 0.35. */
  readonly request?: number;
  /** What the encoder may take for a message, ms; then words alone decide. Default 1,000. */
  readonly encodeMs?: number;
  /** Below it there is no intent at all. Default 0.15. */
  readonly least?: number;
  /** The intent of wanting a person, which is not taken up where it is only meant for the case that all else fails. */
  readonly person?: string;
}

/** Characters of the whole that are looked at. */
const MAX_WHOLE = 1_500;
const ALTERNATIVES = 5;
/** Beside a wish that is asked for, a mere statement must be this clear to be another one. */
const CLEAR_STATEMENT = 0.85;
/** Beside a clear wish, one with less than this share of its confidence is taken for a part of it. */
const SHARE = 0.6;

const ASKS =
  /\?|(?<![\p{L}])(?:please|can|could|would|will|want|wants|need|needs|like to|looking to|trying to|hoping|wish|help|let me|let's|tell me|give me|show me|how|where|when|what|why|which|cancel|return|refund|exchange|swap|replace|change|update|track|check|send|stop|bitte|möchte|will ich|kann|können|wo|wann|wie|je veux|je voudrais|pouvez|où|quand|quiero|quisiera|puede|puedo|dónde|cuándo|ik wil|graag|kunt|waar|wanneer)(?![\p{L}])/iu;
/** Characters from which a piece counts as long. */
const LONG_PIECE = 80;
/** Up to eleven words. */
const HEAD = /^(?:\s*\S+){1,11}/u;
/** A wish for a person in case all else fails is none yet. */
const IN_CASE =
  /(?<![\p{L}])if (?:you|that|this|it|not|none|there|we)(?:'re|'s|’re|’s)?(?![\p{L}]).{0,40}(?:unable|can't|can’t|cannot|can not|not|n't|n’t|no )/iu;

interface Piece {
  readonly prediction: Prediction;
  /** It is worded as a request or a question. */
  readonly asks: boolean;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export class IntentReader {
  readonly #threshold: number;
  readonly #speller: Speller;
  #failure: string | undefined;

  constructor(
    readonly classifier: IntentClassifier,
    readonly encoder: Encoder,
    readonly options: ReaderOptions,
  ) {
    this.#speller = new Speller(classifier.words());
    this.#threshold = classifier.heldOut.length > 0 ? chooseThreshold(classifier.heldOut) : 0;
  }

  /** Why the last message was read by its words alone. */
  get encoderFailure(): string | undefined {
    return this.#failure;
  }

  /** @param entities values found in the text, in order of their place. */
  async read(text: string, entities: readonly Entity[], signal?: AbortSignal): Promise<Reading> {
    const spans = segments(text, { limit: this.options.pieces ?? 16 });
    if (spans.length === 0) return { intent: null, alternatives: [], requests: [] };
    if (spans.length === 1) {
      const wish = this.#speller.correct(plainWish(text, entities, 0, MAX_WHOLE));
      const [vector] = (await this.#encode([wish], signal)) ?? [];
      return this.#single(this.classifier.predict(wish, vector), text);
    }
    // The whole is long and slow to encode, and says little more than its words do.
    const whole = this.classifier.predict(plainWish(text, entities, 0, MAX_WHOLE));
    return this.#several(whole, await this.#pieces(spans, text, entities, signal), text);
  }

  /** Each piece classified; what is plainly no wish by its words is spared the encoder. */
  async #pieces(
    spans: readonly Span[],
    text: string,
    entities: readonly Entity[],
    signal: AbortSignal | undefined,
  ): Promise<Piece[]> {
    const texts = spans.map((s) => this.#speller.correct(plainWish(text, entities, s.start, s.end)));
    const lexical = texts.map((t) => this.classifier.lexical(t));
    const predictions = texts.map((t, i) => this.classifier.predict(t, undefined, lexical[i]));
    const heads = spans.map((s, i) => headOf(texts[i]!, s.text));
    const chosen = [...predictions.keys()]
      .sort((a, b) => this.#wishfulness(predictions[b]!) - this.#wishfulness(predictions[a]!))
      .slice(0, this.options.encoded ?? 5);
    const vectors = await this.#encode(
      chosen.map((i) => heads[i]!),
      signal,
    );
    for (const [n, i] of chosen.entries()) {
      if (!vectors) break;
      const full = this.classifier.predict(texts[i]!, vectors[n], lexical[i]);
      const head = heads[i] === texts[i] ? full : this.classifier.predict(heads[i]!, vectors[n]);
      predictions[i] = head.confidence > full.confidence ? head : full;
    }
    return spans.map((span, i) => {
      const prediction = predictions[i]!;
      const asks = ASKS.test(span.text);
      return { prediction, asks, start: span.start, end: span.end, text: span.text };
    });
  }

  /** Probability that a piece is any of the wishes. */
  #wishfulness(prediction: Prediction): number {
    let sum = 0;
    for (const { label, probability } of prediction.ranked)
      if (this.options.wishes.has(label)) sum += probability;
    return sum;
  }

  /** Undefined when the encoder fails or takes too long: words alone are better than no answer. */
  async #encode(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[] | undefined> {
    // By hand: a signal of `timeout` and `any` costs more than everything else around an encoding.
    const limit = new AbortController();
    const { encodeMs = 1_000 } = this.options;
    const late = (): void => limit.abort(new Error(`the encoder took longer than ${encodeMs} ms`));
    const stop = (): void => limit.abort(signal?.reason);
    const timer = setTimeout(late, encodeMs);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      signal?.throwIfAborted();
      const vectors = await this.encoder.encode(texts, limit.signal);
      this.#failure = undefined;
      return vectors;
    } catch (error) {
      signal?.throwIfAborted();
      this.#failure = error instanceof Error ? error.message : String(error);
      return undefined;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  #single(prediction: Prediction, text: string): Reading {
    const scored = this.#scored(prediction);
    const best = scored[0]!;
    const known = this.#known(best.confidence, prediction.inside);
    const requests: Request[] =
      known && this.options.wishes.has(best.name)
        ? [{ intent: best.name, confidence: best.confidence, text: text.trim() }]
        : [];
    return {
      intent: known ? best : null,
      alternatives: scored.slice(known ? 1 : 0).slice(0, ALTERNATIVES),
      requests,
    };
  }

  #several(whole: Prediction, pieces: readonly Piece[], text: string): Reading {
    const { wishes, request = 0.35 } = this.options;
    const overall = new Map(this.#scored(whole).map((s) => [s.name, s.confidence]));
    const views = new Map<string, number[]>();
    const leading: (string | undefined)[] = pieces.map((piece) => {
      const { prediction } = piece;
      const scored = this.#scored(prediction).filter(
        (s) => s.name !== this.options.person || !IN_CASE.test(piece.text),
      );
      for (const s of scored.slice(0, ALTERNATIVES))
        views.set(s.name, [...(views.get(s.name) ?? []), s.confidence]);
      const best = scored[0]!;
      return this.#known(best.confidence, prediction.inside) ? best.name : undefined;
    });
    const confidence = new Map<string, number>();
    for (const [name, list] of views) {
      // Several sentences, and the message as a whole, speak for a wish together; the clearest of them most.
      const support = wishes.has(name) ? (overall.get(name) ?? 0) : 0;
      confidence.set(name, together(list, support));
    }
    const main = this.#scored(whole)[0]!;
    // Long messages are foreign to a classifier of sentences, so the whole alone counts for less.
    if (wishes.has(main.name)) {
      confidence.set(main.name, Math.max(confidence.get(main.name) ?? 0, 0.8 * main.confidence));
    }

    const requests = this.#requests(pieces, leading, confidence, text);
    const ranked = [...confidence]
      .map(([name, c]): ScoredIntent => ({ name, confidence: c }))
      .sort((a, b) => b.confidence - a.confidence || (a.name < b.name ? -1 : 1));
    const wish = ranked.find((s) => wishes.has(s.name) && s.confidence >= request);
    const other = ranked.find((s) => !wishes.has(s.name));
    const best =
      wish ?? (other && leading.includes(other.name) ? other : ranked.find((s) => wishes.has(s.name)));
    const intent = best && best.confidence >= (this.options.least ?? 0.15) ? best : null;
    if (requests.length === 0 && wish) {
      requests.push({ intent: wish.name, confidence: wish.confidence, text: text.trim() });
    }
    return {
      intent,
      alternatives: ranked
        .filter((s) => s.name !== intent?.name && s.confidence >= 0.05)
        .slice(0, ALTERNATIVES),
      requests,
    };
  }

  /** Wishes in the order of the message; what is said after one and is no wish itself belongs to it. */
  #requests(
    pieces: readonly Piece[],
    leading: readonly (string | undefined)[],
    confidence: ReadonlyMap<string, number>,
    text: string,
  ): Request[] {
    const { wishes, request = 0.35 } = this.options;
    const strength = pieces.map((piece, i) => {
      const name = leading[i];
      return name !== undefined && wishes.has(name) ? piece.prediction.confidence : 0;
    });
    const strongest = Math.max(...strength);
    const strongestAsked = Math.max(0, ...strength.filter((_, i) => pieces[i]!.asks));
    const counts = (i: number): boolean =>
      strength[i]! >= request &&
      strength[i]! >= SHARE * strongest &&
      (pieces[i]!.asks || strength[i]! >= CLEAR_STATEMENT || strongestAsked < request);

    const found: { intent: string; parts: Piece[] }[] = [];
    // What comes before the first wish leads up to it.
    let waiting: Piece[] = [];
    let current: { intent: string; parts: Piece[] } | undefined;
    for (const [i, piece] of pieces.entries()) {
      const name = leading[i];
      if (name !== undefined && counts(i) && current?.intent !== name) {
        current = found.find((f) => f.intent === name);
        if (!current) {
          current = { intent: name, parts: waiting };
          waiting = [];
          found.push(current);
        }
      }
      (current?.parts ?? waiting).push(piece);
    }
    return found.map(({ intent, parts }) => ({
      intent,
      confidence: confidence.get(intent)!,
      text: joined(parts, text),
    }));
  }

  #known(confidence: number, inside: number): boolean {
    if (confidence < (this.options.least ?? 0.15)) return false;
    return inside >= this.#threshold || confidence >= 0.5;
  }

  /** Classes with what is left of the confidence shared out by their probabilities. */
  #scored(prediction: Prediction): ScoredIntent[] {
    const [top, ...others] = prediction.ranked;
    const rest = Math.max(1e-9, 1 - top!.probability);
    const left = Math.min(1 - prediction.confidence, rest) * Math.min(1, prediction.inside * 2);
    return [
      { name: top!.label, confidence: prediction.confidence },
      ...others.map((o) => ({
        name: o.label,
        confidence: Math.min(prediction.confidence, (left * o.probability) / rest),
      })),
    ];
  }
}

/** Sentences say much the same thing twice, so the second view counts for less than its own confidence, the third for less again. */
function together(views: readonly number[], whole: number): number {
  const [first = 0, second = 0, third = 0] = [...views].sort((a, b) => b - a);
  return 1 - (1 - first) * (1 - 0.6 * second) * (1 - 0.4 * third) * (1 - 0.5 * whole);
}

/**
 * The first words of what is asked for: in a long sentence the rest are particulars, which say little about the wish and
 * drown it.
 */
function headOf(wish: string, written: string): string {
  if (written.length <= LONG_PIECE) return wish;
  const from = ASKS.exec(wish)?.index ?? 0;
  const start =
    wish.length - from < LONG_PIECE / 2 ? 0 : Math.max(0, wish.lastIndexOf(" ", Math.max(0, from - 6)));
  const found = wish.slice(start).match(HEAD)?.[0] ?? wish;
  return found.trim();
}

/** Neighbouring parts as they stand in the message, others with a line break between. */
function joined(parts: readonly Piece[], text: string): string {
  let out = "";
  let last: Piece | undefined;
  for (const part of parts) {
    if (!last) out = text.slice(part.start, part.end);
    else if (/^[\s\S]{0,6}$/.test(text.slice(last.end, part.start))) out += text.slice(last.end, part.end);
    else out += `\n${text.slice(part.start, part.end)}`;
    last = part;
  }
  return out.trim();
}
