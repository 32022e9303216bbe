/**
 * Reads the wishes out of a message. Customers write several sentences, and a wish is one of them: each piece is classified by
 * itself, the message as a whole as well, and the two are put together.
 */
import type { Encoder, Entity, Request, ScoredIntent } from "../types.ts";
import type { IntentClassifier, Prediction } from "./classifier.ts";
import { segments } from "./segments.ts";
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
  /** Pieces of a message that are classified by themselves. Default 12. */
  readonly pieces?: number;
  /** A wish counts as a request of its own from this confidence on. Default 0.35. */
  readonly request?: number;
  /** What the encoder may take for a message, ms; then words alone decide. Default 1,000. */
  readonly encodeMs?: number;
  /** Below it there is no intent at all. Default 0.15. */
  readonly least?: number;
}

/** Characters of the whole that are looked at. */
const MAX_WHOLE = 1_500;
const ALTERNATIVES = 5;

interface Piece {
  readonly prediction: Prediction;
  readonly start: number;
  readonly end: number;
}

export class IntentReader {
  readonly #threshold: number;
  #failure: string | undefined;

  constructor(
    readonly classifier: IntentClassifier,
    readonly encoder: Encoder,
    readonly options: ReaderOptions,
  ) {
    this.#threshold = classifier.heldOut.length > 0 ? chooseThreshold(classifier.heldOut) : 0;
  }

  /** Why the last message was read by its words alone. */
  get encoderFailure(): string | undefined {
    return this.#failure;
  }

  /** @param entities values found in the text, in order of their place. */
  async read(text: string, entities: readonly Entity[], signal?: AbortSignal): Promise<Reading> {
    const spans = segments(text, { limit: this.options.pieces ?? 12 });
    if (spans.length === 0) return { intent: null, alternatives: [], requests: [] };
    const whole = { start: 0, end: Math.min(text.length, MAX_WHOLE) };
    const all = spans.length === 1 ? [whole] : [whole, ...spans];
    const texts = all.map((s) => plainWish(text, entities, s.start, s.end));
    const vectors = await this.#encode(texts, signal);
    const [first, ...pieces] = all.map(
      (span, i): Piece => ({
        prediction: this.classifier.predict(texts[i]!, vectors?.[i]),
        start: span.start,
        end: span.end,
      }),
    );
    return pieces.length === 0 ? this.#single(first!, text) : this.#several(first!, pieces, text);
  }

  /** Undefined when the encoder fails or takes too long: words alone are better than no answer. */
  async #encode(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[] | undefined> {
    const limit = AbortSignal.timeout(this.options.encodeMs ?? 1_000);
    try {
      const vectors = await this.encoder.encode(texts, signal ? AbortSignal.any([signal, limit]) : limit);
      this.#failure = undefined;
      return vectors;
    } catch (error) {
      signal?.throwIfAborted();
      this.#failure = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  }

  #single({ prediction }: Piece, text: string): Reading {
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

  #several(whole: Piece, pieces: readonly Piece[], text: string): Reading {
    const { wishes, request = 0.35 } = this.options;
    const overall = new Map(this.#scored(whole.prediction).map((s) => [s.name, s.confidence]));
    const confidence = new Map<string, number>();
    const raise = (name: string, value: number): void => {
      confidence.set(name, Math.max(confidence.get(name) ?? 0, value));
    };
    const leading: (string | undefined)[] = pieces.map(({ prediction }) => {
      const scored = this.#scored(prediction);
      for (const s of scored.slice(0, ALTERNATIVES)) {
        // The whole message speaks for a wish that one of its sentences expresses, but does not make one.
        const support = wishes.has(s.name) ? 0.5 * (overall.get(s.name) ?? 0) : 0;
        raise(s.name, 1 - (1 - s.confidence) * (1 - support));
      }
      const best = scored[0]!;
      return this.#known(best.confidence, prediction.inside) ? best.name : undefined;
    });
    const main = this.#scored(whole.prediction)[0]!;
    // Long messages are foreign to a classifier of sentences, so the whole alone counts for less.
    if (wishes.has(main.name)) raise(main.name, 0.8 * main.confidence);

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
    const found: { intent: string; parts: Piece[] }[] = [];
    let current: { intent: string; parts: Piece[] } | undefined;
    for (const [i, piece] of pieces.entries()) {
      const name = leading[i];
      const isWish = name !== undefined && wishes.has(name) && piece.prediction.confidence >= request;
      if (isWish && current?.intent !== name) {
        current = found.find((f) => f.intent === name);
        if (!current) {
          current = { intent: name, parts: [] };
          found.push(current);
        }
      }
      current?.parts.push(piece);
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
