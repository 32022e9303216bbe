/** What `replay --verify` found, by scenario and altogether, as JSON and as text. */
import type { Colors } from "../../runtime/config/cli.ts";
import { canonicalJson, type Json } from "../../runtime/json.ts";
import type { Played } from "../../scenarios/player.ts";
import type { VerifiedActor } from "./verify.ts";

export interface Verified {
  readonly actors: number;
  readonly records: number;
  /** Folds of an actor's records from the first to the last. */
  readonly folds: number;
  readonly diverged: readonly {
    readonly actor: string;
    readonly seq: number;
    readonly type: string;
    readonly which: string;
    readonly paths: readonly { path: string; first?: Json; other?: Json }[];
    readonly first: Json;
    readonly other: Json;
  }[];
}

/** Actors that this scenario has for itself: its conversation with tasks and hand-offs, and a customer of its own. */
export function actorsOf(played: Played, actors: readonly VerifiedActor[]): VerifiedActor[] {
  const own = new Set([played.conversation, played.earlier]);
  return actors.filter(
    ({ to, keys }) => own.has(to.key) || (keys.size > 0 && [...keys].every((key) => own.has(key))),
  );
}

export function verifiedJson(actors: readonly VerifiedActor[]): Verified {
  return {
    actors: actors.length,
    records: actors.reduce((n, a) => n + a.records, 0),
    folds: actors.reduce((n, a) => n + a.folds, 0),
    diverged: actors.flatMap((a) =>
      a.diverged.map(({ first, other, ...where }) => ({
        ...where,
        first: JSON.parse(first),
        other: JSON.parse(other),
      })),
    ),
  };
}

/** Differences that are shown; the JSON has more. */
const SHOWN = 8;
const LONGEST = 200;

/** Each actor that diverges with its first divergence, and how else it does. */
export function verifiedText({ actors, records, folds, diverged }: Verified, c: Colors): string[] {
  const all = `  verified: ${many(actors, "actor")} with ${many(records, "record")}, ${many(folds, "fold")}; `;
  const names = new Set(diverged.map((d) => d.actor));
  if (names.size === 0) return [`${all}${c.green("none diverged")}`];
  const lines = [`${all}${c.red(`${many(names.size, "actor")} diverged`)}`];
  for (const actor of names) {
    const [d, ...others] = diverged.filter((each) => each.actor === actor);
    const { seq, type, which, paths, first, other } = d!;
    lines.push("", c.red(`  ${actor} diverges at record ${seq} (${type}), ${which}`));
    for (const path of paths.slice(0, SHOWN))
      lines.push(`    ${path.path}: ${shown(path.first)} became ${shown(path.other)}`);
    if (paths.length > SHOWN) lines.push(`    and ${paths.length - SHOWN} more`);
    lines.push(`    first: ${canonicalJson(first)}`, `    other: ${canonicalJson(other)}`);
    for (const more of others) lines.push(`    also at record ${more.seq} (${more.type}), ${more.which}`);
  }
  return lines;
}

function many(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

function shown(value: Json | undefined): string {
  const text = value === undefined ? "nothing" : canonicalJson(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
