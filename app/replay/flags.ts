/** The flags of `replay`, and which of them go together. */
import { UsageError } from "../../runtime/config/errors.ts";

export interface ReplayFlags {
  readonly format: string;
  readonly mode?: string;
  readonly times?: number;
  readonly verify?: boolean;
  readonly crashEvery?: number;
  readonly reorder?: string;
  readonly match: string;
  readonly record?: string;
  readonly out?: string;
  readonly log: string;
  readonly parallel?: number;
  readonly watch?: boolean;
}

const MODES = ["frozen", "live-skills", "live-models", "live"];

/** What is for some modes only, and what to do in the others. */
const ONLY: readonly {
  readonly given: (flags: ReplayFlags) => boolean;
  readonly modes: readonly string[];
  readonly says: string;
}[] = [
  {
    given: ({ crashEvery }) => crashEvery !== undefined,
    modes: ["frozen"],
    says: "--crash-every is for recordings that are played frozen: leave --mode out, or see bench chaos",
  },
  {
    given: ({ reorder }) => reorder !== undefined,
    modes: ["frozen"],
    says: "--reorder is for recordings that are played frozen: on a live desk everything has its own order each time",
  },
  {
    given: ({ parallel, log }) => parallel !== undefined || log !== "memory",
    modes: ["frozen"],
    says: "--parallel and --log are for --mode frozen",
  },
  {
    given: ({ watch }) => watch === true,
    modes: ["frozen"],
    says: "--watch is for recordings of this project that are played frozen: leave --mode and --format out",
  },
  {
    given: ({ times, verify }) => times !== undefined || verify === true,
    modes: ["frozen", "live"],
    says: "--times and --verify are for --mode frozen and live: where skills or models are called each time is another",
  },
  {
    given: ({ match }) => match !== "strict",
    modes: ["frozen", "live-skills", "live-models"],
    says: "--match is for recordings: leave --mode live out",
  },
  {
    given: ({ out }) => out !== undefined,
    modes: ["frozen", "live-skills", "live-models"],
    says: "--out is for recordings: a live replay is recorded with --record FOLDER",
  },
  {
    given: ({ record }) => record !== undefined,
    modes: ["live"],
    says: "--record is for --mode live: what a recording came to is written with --out FOLDER",
  },
];

/** @throws UsageError for what is not known, or does not go together */
export function checkReplay(flags: ReplayFlags, mode: string): void {
  const { format, match, reorder, times, log, watch } = flags;
  if (format !== "bailiwick" && format !== "tau2")
    throw new UsageError(`--format ${format} is not known: there are bailiwick and tau2`);
  if (!MODES.includes(mode))
    throw new UsageError(`--mode ${mode} is not known: there are ${MODES.join(", ")}`);
  if (format === "tau2" && mode !== "frozen")
    throw new UsageError(
      `--format tau2 is replayed frozen, not ${mode}: bin/bailiwick demo --input FILE sends the customers of such runs to a live desk`,
    );
  if (match !== "strict" && match !== "tolerant")
    throw new UsageError(`--match ${match} is not known: there are strict and tolerant`);
  if (log !== "memory" && log !== "nats")
    throw new UsageError(`--log ${log} is not known: there are memory and nats`);
  for (const { given, modes, says } of ONLY)
    if (given(flags) && !modes.includes(mode)) throw new UsageError(says);
  if (watch && format !== "bailiwick")
    throw new UsageError(
      "--watch is for recordings of this project that are played frozen: leave --mode and --format out",
    );
  if (reorder !== undefined && times === 1)
    throw new UsageError("--reorder needs --times 2 or more: the first time is in the recorded order");
}
