/** What the operations of the agent `memory` take. */
import { z } from "zod";
import type { Json } from "../runtime/json.ts";
import { DESK_ROLE } from "./store/access.ts";

const token = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "a key: 1 to 128 letters, digits, _ or -");
const word = z.string().regex(/^[a-z][a-z0-9_.-]{0,63}$/, "a word of small letters, digits, _ . -");
const time = z.number().int().min(0);
/** Sequence of a write that the reader wants to see. */
const after = time.optional();
const json: z.ZodType<Json> = z.json();

const turn = z.object({
  turn: z.number().int().min(0),
  at: time,
  messageId: z.string().optional(),
  text: z.string(),
  reply: z.string().default(""),
  speaker: z.string().max(128).optional(),
});

export const inputs = {
  recall: z.object({
    customer: token,
    text: z.string().max(16_384).optional(),
    k: z.number().int().min(1).max(100).default(5),
    role: word.default(DESK_ROLE),
    conversation: token.optional(),
    asOf: time.optional(),
    knownAt: time.optional(),
    past: z.boolean().default(false),
    after,
  }),
  remember: z.object({
    customer: token,
    conversation: token,
    messageId: z.string().optional(),
    type: word,
    text: z.string().min(1).max(4_000),
    value: json.default(null),
    at: time.optional(),
    scope: z.enum(["customer", "conversation", "workspace"]).optional(),
    purpose: word.optional(),
    readers: z.array(word).min(1).max(32).optional(),
    confidence: z.number().min(0).max(1).optional(),
    validFrom: time.optional(),
    ttlMs: z.number().int().min(1).optional(),
  }),
  turns: z.object({
    customer: token.optional(),
    conversation: token,
    turns: z.array(turn).min(1).max(50),
  }),
  summarise: z.object({
    customer: token.optional(),
    conversation: token,
    text: z.string().min(1).max(4_000),
    outcome: word,
    by: z.enum(["rules", "model"]).default("rules"),
  }),
  said: z.object({
    customer: token,
    text: z.string().min(1).max(16_384),
    k: z.number().int().min(1).max(100).default(10),
    after,
  }),
  customer: z.object({ customer: token, after }),
  hold: z.object({ customer: token, reason: z.string().min(1).max(1_000), until: time.optional() }),
  demote: z.object({ all: z.boolean().default(false) }),
};
