/** A turn, and the two things that are said in it. */
import { createHash } from "node:crypto";
import { spoken, type Utterance } from "../retrieval/utterances.ts";
import type { Archived } from "./archive.ts";
import { key } from "./database.ts";

export interface Turn {
  readonly conversation: string;
  /** Number of the turn in the conversation. */
  readonly turn: number;
  /** ms since the epoch. */
  readonly at: number;
  readonly messageId?: string;
  /** Customer key, once known. */
  readonly customer?: string;
  readonly text: string;
  readonly reply: string;
  /** Name of who said `text`, where it was not just the customer. */
  readonly speaker?: string;
  /** Sequence of the event that it came with, where memory is a stream. */
  readonly seq?: number;
}

/** One of the two things that are said in a turn. */
export interface Said extends Utterance {
  /** Where its vector is kept. */
  readonly id: string;
  readonly turn: number;
  readonly at: number;
  readonly by: "customer" | "desk";
}

/** What is said in a turn: its text, and what was answered. */
export function sayings({ conversation, turn, at, text, reply, speaker }: Turn): Said[] {
  const said = (by: Said["by"], words: string, name?: string): Said[] =>
    words === ""
      ? []
      : [
          {
            id: key("vector", conversation, turn, by),
            conversation,
            turn,
            at,
            by,
            speaker: name,
            text: words,
          },
        ];
  return [...said("customer", text, speaker), ...said("desk", reply)];
}

/** All that was said in a conversation in order, with the vectors of one encoder. */
export function saidIn({ turns, vectors }: Archived, model?: string): Said[] {
  const byId = new Map(vectors.filter((each) => each.model === model).map(({ id, data }) => [id, data]));
  return turns.flatMap(sayings).map((said) => ({ ...said, vector: byId.get(said.id) }));
}

/** A vector counts only beside the words that it was computed of. */
export function hashOf(said: Pick<Said, "speaker" | "text">): string {
  return createHash("sha256").update(spoken(said)).digest("base64url");
}
