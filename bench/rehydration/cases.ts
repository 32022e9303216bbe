/** Replays SCION's cases, each in a run that is kept alive and in one that is restored between every two events. */
import type { JsonObject } from "../../runtime/json.ts";
import { LEFT_OUT } from "./left-out.ts";
import type { ScionCase, ScionPackage } from "./scion.ts";
import { convert } from "./scxml/convert.ts";
import { UnconvertibleError } from "./scxml/errors.ts";
import { XmlError } from "./scxml/xml.ts";
import { BrokenMachineError, type Difference, type Restore, Twins } from "./twins.ts";

/** Timers that fire after the last event. */
const LAST_TIMERS = 20;

export interface CasesResult {
  readonly version: string;
  readonly cases: number;
  readonly passed: number;
  /** Those of them in which something happened after the start. */
  readonly moved: number;
  readonly steps: number;
  /** Delayed events. */
  readonly armed: number;
  readonly fired: number;
  /** Cases that were not run, or not held to what they expect. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  readonly failed: readonly CaseFailure[];
}

export interface CaseFailure {
  readonly name: string;
  /** What differs between the runs, or what the case expects and did not get. */
  readonly what: string;
  readonly difference?: Difference;
}

/** @param restore see `TwinsOptions` */
export function compareCases({ version, cases }: ScionPackage, restore?: Restore): CasesResult {
  const leftOut: { name: string; reason: string }[] = [];
  const failed: CaseFailure[] = [];
  let [passed, moved, steps, armed, fired] = [0, 0, 0, 0, 0];
  for (const each of cases) {
    const { name } = each;
    const played = LEFT_OUT[name] ? { reason: LEFT_OUT[name] } : playCase(each, restore);
    if ("reason" in played) {
      leftOut.push({ name, reason: played.reason });
      continue;
    }
    steps += played.twins?.steps ?? 0;
    armed += played.twins?.armed ?? 0;
    fired += played.twins?.fired ?? 0;
    if (played.what === undefined) {
      passed++;
      if (played.twins && played.twins.steps > 0) moved++;
    } else failed.push({ name, what: played.what, difference: played.twins?.difference });
  }
  return { version, cases: cases.length, passed, moved, steps, armed, fired, leftOut, failed };
}

type Played = { readonly reason: string } | { readonly twins?: Twins; readonly what?: string };

/** Plays one case; `what` says what went wrong, `reason` why it cannot be converted. */
export function playCase(scionCase: ScionCase, restore?: Restore): Played {
  const { script, document, read } = scionCase;
  let twins: Twins | undefined;
  try {
    twins = new Twins(
      convert(document, (src) => {
        const text = read(src);
        if (text === undefined) throw new UnconvertibleError(`there is no file ${src}`);
        return text;
      }),
      { restore },
    );
    let what = unexpected(twins, script.initialConfiguration, "at the start");
    for (const [n, { after, event, nextConfiguration }] of script.events.entries()) {
      if (what !== undefined) break;
      twins.wait(after ?? 0);
      twins.send(event.name, (event.data as JsonObject | undefined) ?? null);
      what = unexpected(twins, nextConfiguration, `after event ${n + 1}`);
    }
    // Nothing is expected of what is still to come, but the runs must agree on it.
    twins.drain(LAST_TIMERS);
    if (twins.difference) what ??= unexpected(twins, [], "at the end");
    return { twins, what };
  } catch (error) {
    if (error instanceof UnconvertibleError || error instanceof XmlError) return { reason: error.message };
    if (error instanceof BrokenMachineError) return { twins, what: error.message };
    throw error;
  }
}

function unexpected(
  { difference, value }: Twins,
  expected: readonly string[],
  when: string,
): string | undefined {
  if (difference) return `${when} the restored machine differs in its ${difference.member}`;
  const active = leaves(value).sort();
  if (active.join() === [...expected].sort().join()) return undefined;
  return `${when} it is in ${active.join(", ")} instead of ${expected.join(", ")}`;
}

/** Keys of the states without children in a state value. */
function leaves(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return Object.entries(value as object).flatMap(([key, inner]) => {
    return typeof inner === "object" && Object.keys(inner).length === 0 ? [key] : leaves(inner);
  });
}
