/** Tokens: the operator's, a conversation's, and those that a company's site signs for its customers. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Unknown to whoever sends a token, so that what he sends does not decide what is compared. */
const COMPARING = randomBytes(32);

/** Compares without telling by its time how much was right. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHmac("sha256", COMPARING).update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * Reads the operator's token, or makes it: 256 random bits in a file that only its owner may read. A file that others
 * may read is tightened.
 * @throws Error when the file cannot be read or written, or holds no token.
 */
export function ensureAdminToken(path: string): string {
  const read = (): string | undefined => {
    let token: string;
    try {
      token = readFileSync(path, "utf8").trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new Error(
        `the admin token ${path} cannot be read (${(error as Error).message}): run the desk as the owner of that file, or remove it to have a new one made`,
        { cause: error },
      );
    }
    if (token.length < 20) {
      throw new Error(
        `the admin token ${path} is too short to be one: remove the file to have a new one made`,
      );
    }
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
    return token;
  };
  const existing = read();
  if (existing !== undefined) return existing;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return read()!;
}

/**
 * Conversation tokens, checked without a store: a keyed hash over the conversation and a pseudonym of its customer. The
 * pseudonym is carried so that limits per customer hold over all their conversations.
 */
export class ConversationTokens {
  readonly #keyedHash: (purpose: string, value: string) => string;

  /** @param keyedHash a keyed hash whose key stays on the company's machines (`Engine.keyedHash`). */
  constructor(keyedHash: (purpose: string, value: string) => string) {
    this.#keyedHash = keyedHash;
  }

  issue(conversation: string, customerId?: string): string {
    const subject = customerId === undefined ? "0" : this.subjectOf(customerId);
    return `${subject}.${this.#sign(conversation, subject)}`;
  }

  /** The pseudonym of the customer (undefined for nobody known), or false when the token is not this conversation's. */
  verify(conversation: string, token: string): { readonly subject?: string } | false {
    const parts = /^([A-Za-z0-9_-]{1,16})\.([A-Za-z0-9_-]{16,128})$/.exec(token);
    if (!parts || !sameText(parts[2]!, this.#sign(conversation, parts[1]!))) return false;
    return parts[1] === "0" ? {} : { subject: parts[1] };
  }

  /** The pseudonym of a customer. */
  subjectOf(customerId: string): string {
    return safe(this.#keyedHash("gateway.customer", customerId)).slice(0, 16);
  }

  #sign(conversation: string, subject: string): string {
    return safe(this.#keyedHash("gateway.conversation-token", `${conversation}\u0000${subject}`)).slice(
      0,
      128,
    );
  }
}

function safe(hash: string): string {
  return hash.replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** What a company's site says about the customer who is logged in there. */
export interface CustomerClaims {
  readonly id: string;
  readonly name?: string;
  readonly email?: string;
}

/** Clocks of the site and the desk may differ by this much, in seconds. */
const LEEWAY_S = 60;

/**
 * Verifies a customer token: a JWT signed with HS256 under the secret that the site and the desk share. Claims: `sub`
 * (the customer's id), `exp`, optionally `nbf`, `name`, `email`. The algorithm is fixed, whatever the token says.
 * @param nowMs wall clock.
 * @returns the claims, or a sentence saying what is wrong.
 */
export function verifyCustomerToken(token: string, secret: string, nowMs: number): CustomerClaims | string {
  const parts = token.split(".");
  if (parts.length !== 3) return "the customer token is not a JWT (header.payload.signature)";
  const [header, payload, signature] = parts as [string, string, string];
  const expected = createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url");
  if (!sameText(signature, expected)) return "the signature of the customer token does not match";
  const head = decode(header);
  const claims = decode(payload);
  if (head?.alg !== "HS256") return "the customer token is not signed with HS256";
  if (!claims) return "the payload of the customer token is not a JSON object";
  const now = nowMs / 1000;
  if (typeof claims.exp !== "number") return "the customer token has no exp (seconds since the epoch)";
  if (claims.exp + LEEWAY_S < now) return "the customer token has expired: ask the site for a new one";
  if (claims.nbf !== undefined && !(typeof claims.nbf === "number" && claims.nbf - LEEWAY_S <= now)) {
    return "the customer token is not valid yet (nbf)";
  }
  if (typeof claims.sub !== "string" || claims.sub.length < 1 || claims.sub.length > 128) {
    return "the customer token has no sub (the customer's id, at most 128 characters)";
  }
  const text = (value: unknown) => (typeof value === "string" && value.length <= 320 ? value : undefined);
  return { id: claims.sub, name: text(claims.name), email: text(claims.email) };
}

/** Signs a customer token as a company's site would; for tests and for trying it out. */
export function signCustomerToken(claims: CustomerClaims & { readonly exp: number }, secret: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const { id, ...rest } = claims;
  const body = `${part({ alg: "HS256", typ: "JWT" })}.${part({ sub: id, ...rest })}`;
  return `${body}.${createHmac("sha256", secret).update(body).digest("base64url")}`;
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
