/** Who is asking, and whether this route is theirs to call. */
import type { Limits } from "./limits.ts";
import { ProblemError, unauthorized } from "./problem.ts";
import type { Auth, Principal } from "./routes.ts";
import { type ConversationTokens, sameText, verifyCustomerToken } from "./tokens.ts";

/** What the gateway needs to know to let somebody in. */
export interface Gatekeeper {
  /** `open`: anybody may open a conversation, on loopback only. `token`: only with a token that the site has signed. */
  readonly customerAuth: "open" | "token";
  /** Shared with the company's site; needed for `token`, at least 32 characters. */
  readonly customerSecret?: string;
  readonly adminToken: string;
  readonly conversations: ConversationTokens;
  /** Wall clock, ms; `Date.now` unless given. */
  readonly now?: () => number;
}

export interface Admitted {
  readonly principal: Principal;
  /** Whose bucket the request is taken from; no subject means the remote address. */
  readonly limit: { readonly kind: keyof Limits; readonly subject?: string };
  readonly also?: { readonly kind: keyof Limits; readonly subject: string };
}

/** @throws ProblemError 401 without or with a bad token, 403 with a good one that is not for this. */
export function authenticate(
  gatekeeper: Gatekeeper,
  auth: Auth,
  request: { readonly authorization?: string; readonly id?: string },
): Admitted {
  const anonymous: Admitted = { principal: { kind: "anonymous" }, limit: { kind: "address" } };
  if (auth === "public") return anonymous;
  const token = bearer(request.authorization);
  if (token !== undefined && sameText(token, gatekeeper.adminToken)) {
    return { principal: { kind: "admin" }, limit: { kind: "admin", subject: "admin" } };
  }
  if (auth === "admin") {
    throw unauthorized(
      token === undefined
        ? "This needs the admin token: send authorization: Bearer <the text of admin.token in the data directory>."
        : "This is not the admin token of this desk: it is in the file admin.token in the data directory.",
    );
  }
  if (auth === "conversation") {
    if (token === undefined) {
      throw unauthorized(
        "This needs the conversationToken that opening the conversation answered, as a bearer.",
      );
    }
    const verified = gatekeeper.conversations.verify(request.id ?? "", token);
    if (!verified) throw unauthorized("The bearer is not the token of this conversation.");
    return {
      principal: { kind: "conversation", conversation: request.id! },
      limit: { kind: "conversation", subject: request.id! },
      ...(verified.subject === undefined
        ? {}
        : { also: { kind: "customer" as const, subject: verified.subject } }),
    };
  }
  if (gatekeeper.customerAuth === "open") {
    if (token === undefined) return anonymous;
    throw unauthorized(
      "The bearer is not the admin token; leave it out to open a conversation as a customer.",
    );
  }
  if (token === undefined) {
    throw unauthorized("This needs a customer token that the company's site has signed, as a bearer.");
  }
  const secret = gatekeeper.customerSecret ?? "";
  if (secret.length < 32) {
    throw new ProblemError(
      503,
      "Not configured",
      "gateway.customerAuth is token, but gateway.customerSecret has fewer than 32 characters: set it to the secret shared with the site.",
    );
  }
  const claims = verifyCustomerToken(token, secret, (gatekeeper.now ?? Date.now)());
  if (typeof claims === "string") throw unauthorized(`${claims}.`);
  return {
    principal: { kind: "customer", ...claims },
    limit: { kind: "customer", subject: gatekeeper.conversations.subjectOf(claims.id) },
  };
}

function bearer(header: string | undefined): string | undefined {
  if (header === undefined || header === "") return undefined;
  const parts = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(header);
  if (!parts) throw unauthorized("The authorization header is not of the form: Bearer <token>.");
  return parts[1];
}
