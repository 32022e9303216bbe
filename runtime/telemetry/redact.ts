/**
 * What must not get into a diagnostic log. Fields that hold personal data or secrets are replaced by name at any depth;
 * in free text (messages of errors, mostly) what looks like an address of mail, a number of a card or phone, or a token
 * is masked. The second is a net, not a licence: log ids, never texts.
 */
const FIELDS = new Set(
  [
    ...[
      "text",
      "body",
      "data",
      "clear",
      "input",
      "output",
      "value",
      "slots",
      "entities",
      "message_text",
      "masked",
    ],
    ...[
      "customer",
      "firstname",
      "lastname",
      "fullname",
      "customername",
      "email",
      "emails",
      "phone",
      "telephone",
    ],
    ...[
      "address",
      "line1",
      "line2",
      "street",
      "postcode",
      "postcodes",
      "zip",
      "birthdate",
      "dateofbirth",
      "iban",
      "card",
    ],
    ...[
      "pass",
      "password",
      "secret",
      "token",
      "tokens",
      "conversationtoken",
      "authorization",
      "cookie",
      "apikey",
      "key",
    ],
    ...[
      "set-cookie",
      "x-api-key",
      "prompt",
      "completion",
      "question",
      "answer",
      "history",
      "sentence",
      "summary",
    ],
  ].map((name) => name.toLowerCase()),
);

const REDACTED = "[redacted]";
const MAX_DEPTH = 6;
const MAX_TEXT = 4_000;

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+/g, "[email]"],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/gi, "$1 [token]"],
  [/\b[a-z]+:\/\/[^\s/:@]+:[^\s/@]+@/gi, "[credentials]@"],
  // Cards and phones: nine digits or more, perhaps in groups. Not within ids, which have letters around them.
  [/(?<![\w.-])\+?\d(?:[ ().-]?\d){8,}(?![\w-])/g, "[number]"],
];

export function maskText(text: string): string {
  let masked = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  for (const [pattern, replacement] of PATTERNS) masked = masked.replace(pattern, replacement);
  return masked;
}

/** A copy of a value fit for a log. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return maskText(value);
  if (typeof value === "bigint") return String(value);
  if (value === null || typeof value !== "object") return typeof value === "function" ? undefined : value;
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= MAX_DEPTH) return "[deep]";
  if (Array.isArray(value)) return value.slice(0, 50).map((v) => redact(v, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, v] of Object.entries(value)) {
    copy[name] =
      FIELDS.has(name.toLowerCase()) && v !== undefined && v !== null ? REDACTED : redact(v, depth + 1);
  }
  return copy;
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    message: maskText(error.message),
    // Its first line repeats the message.
    stack: error.stack === undefined ? undefined : maskText(error.stack),
    code: typeof code === "string" || typeof code === "number" ? code : undefined,
    cause: error.cause === undefined || depth >= MAX_DEPTH ? undefined : redact(error.cause, depth + 1),
  };
}
