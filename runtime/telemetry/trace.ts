/** W3C trace context: `00-<trace id>-<span id>-<flags>`. */
import { randomBytes } from "node:crypto";

export interface TraceContext {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero: the span that what follows belongs to. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO = /^0+$/;

/** Undefined for anything that is not a valid traceparent; the standard asks to start anew then. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const match = text === undefined ? null : TRACEPARENT.exec(text);
  if (!match) return undefined;
  const [, version, traceId, spanId, flags, rest] = match;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (ZERO.test(traceId!) || ZERO.test(spanId!)) return undefined;
  return { traceId: traceId!, spanId: spanId!, sampled: (Number.parseInt(flags!, 16) & 1) === 1 };
}

export function formatTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? "01" : "00"}`;
}

/** The first span of a new trace. */
export function newTrace(sampled = true): TraceContext {
  return { traceId: hex(16), spanId: hex(8), sampled };
}

/** A new span below the given one; a new trace when there is none. */
export function childTrace(parent: TraceContext | undefined): TraceContext {
  return parent ? { ...parent, spanId: hex(8) } : newTrace();
}

/** The traceparent of a span below the given one; of a new trace when that is missing or malformed. */
export function childTraceparent(parent: string | undefined): string {
  return formatTraceparent(childTrace(parseTraceparent(parent)));
}

function hex(bytes: number): string {
  for (;;) {
    const id = randomBytes(bytes).toString("hex");
    if (!ZERO.test(id)) return id;
  }
}
