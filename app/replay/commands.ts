/** `record`, `replay`, `diff`, `step`, `fork`, `shadow`, `gate`, `transcripts` and `simulate`. */
import type { Contributor } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { count } from "../flags.ts";
import { checkReplay, type ReplayFlags } from "./flags.ts";
import type { ForkFlags } from "./fork.ts";
import type { RecordFilter } from "./record.ts";
import type { ShadowFlags } from "./shadow.ts";

interface RecordFlags extends RecordFilter {
  readonly out?: string;
  readonly raw?: boolean;
  readonly redact?: boolean;
  readonly all?: boolean;
}

export const commands: Contributor = (program, env) => {
  program
    .command("record [conversation]")
    .description(
      "a conversation, or all that are like something, become recordings that can be replayed; names and numbers of people are replaced",
    )
    .option(
      "--out <path>",
      "where to: a file (<conversation>.scenario.jsonl), a folder for several (recordings)",
    )
    .option("--raw", "with all that people wrote as they wrote it")
    .option("--redact", "the default: names, addresses and numbers of people are replaced by others")
    .option("--outcome <name>", "those that ended so: resolved, handed_off, abandoned")
    .option("--intent <name>", "those in which a customer was understood to want this")
    .option("--reason <name>", "those that were handed to a person for this")
    .option("--channel <name>", "those on this channel")
    .option("--arm <experiment=arm>", "those whose customer was in this arm of an experiment, or held-out")
    .option("--since <time>", "those that began then or later, as 2026-11-30 or 2026-11-30T10:00:00Z")
    .option("--until <time>", "those that began before")
    .option("--all", "all of them")
    .option("--limit <n>", "so many at most, the latest (100)", count)
    .action(async (conversation: string | undefined, flags: RecordFlags) => {
      const { record, recordAll } = await import("./record.ts");
      const { out, raw, redact, all, limit, ...like } = flags;
      const isFiltered = all === true || Object.keys(like).length > 0;
      if (conversation !== undefined && (isFiltered || limit !== undefined))
        throw new UsageError(
          "name a conversation, or say which ones by --outcome, --intent and the like: not both",
        );
      if (conversation !== undefined) return record(env, conversation, { out, raw, redact });
      if (!isFiltered)
        throw new UsageError(
          "which conversations? Name one, as `status` lists them, or say --outcome, --intent, --reason, --channel, --arm, --since, --until or --all",
        );
      return recordAll(env, { ...like, limit }, { out, raw, redact });
    });
  program
    .command("replay [path...]")
    .description("run recordings or scenario files again; the shipped ones unless named")
    .option(
      "--format <name>",
      "bailiwick: files of this project; tau2: recorded runs of other agents, through this desk's actors",
      "bailiwick",
    )
    .option(
      "--mode <name>",
      "frozen: all from outside comes from the recording (default for recordings); live-skills, live-models: but for that; live: skills and models are called (default for scenarios)",
    )
    .option(
      "--times <n>",
      "so often; each time must come to the same (1; live with --verify: folds of each actor, 10)",
      count,
    )
    .option(
      "--verify",
      "what happens inside has to be the same too, and every state has to follow from the log",
    )
    .option("--crash-every <n>", "frozen: after so many records everything but the log is lost", count)
    .option(
      "--reorder <seed>",
      "frozen: from the second time on in other orders, drawn by this seed, of what does not depend on each other (--times 2)",
    )
    .option("--match <how>", "recordings: strict, or tolerant of what skills are asked with", "strict")
    .option("--out <folder>", "recordings: write what it came to as recordings into this folder, for diff")
    .option("--parallel <n>", "frozen: in so many threads (1)", count)
    .option(
      "--log <where>",
      "frozen: memory, or nats for a server of its own that every record goes through",
      "memory",
    )
    .option("--watch", "frozen: again after each change of a playbook or a recording")
    .option("--record <folder>", "live: write what happened as recordings into this folder")
    .action(async (paths: string[], flags: ReplayFlags) => {
      const { areRecordings } = await import("../../scenarios/recording/files.ts");
      const { format } = flags;
      const mode =
        format === "tau2"
          ? (flags.mode ?? "frozen")
          : (flags.mode ??
            (areRecordings(paths) || flags.crashEvery !== undefined || flags.reorder !== undefined
              ? "frozen"
              : "live"));
      checkReplay(flags, mode);
      const { times, verify, crashEvery } = flags;
      if (mode === "live") {
        const { replayLive } = await import("./live.ts");
        await replayLive(env, paths, { times, verify, record: flags.record });
        return;
      }
      if (mode === "live-skills" || mode === "live-models") {
        const { replayParts } = await import("./parts.ts");
        const { SHIPPED_RECORDINGS } = await import("./shipped.ts");
        const match = flags.match as "strict" | "tolerant";
        await replayParts(env, paths.length > 0 ? paths : SHIPPED_RECORDINGS, mode, {
          match,
          out: flags.out,
        });
        return;
      }
      const frozen = {
        times,
        verify,
        crashEvery,
        reorder: flags.reorder,
        match: flags.match as "strict" | "tolerant",
        out: flags.out,
        parallel: flags.parallel,
        log: flags.log as "memory" | "nats",
      };
      if (format === "tau2") {
        const { replayRuns } = await import("./runs.ts");
        await replayRuns(env, paths, frozen);
        return;
      }
      const { replayFrozen } = await import("./frozen.ts");
      const { SHIPPED_RECORDINGS } = await import("./shipped.ts");
      const recordings = paths.length > 0 ? paths : SHIPPED_RECORDINGS;
      if (flags.watch) {
        const { replayWatching } = await import("./watch.ts");
        await replayWatching(env, recordings, frozen);
        return;
      }
      await replayFrozen(env, recordings, frozen);
    });
  program
    .command("diff <a> <b>")
    .description("two recordings, or two folders of them, side by side; says where they go apart first")
    .option("--html <file>", "all of it as one page that needs no network")
    .action(async (a: string, b: string, flags: { html?: string }) => {
      const { diff } = await import("./diff.ts");
      await diff(env, a, b, flags);
    });
  program
    .command("step <recording>")
    .description("a recording record by record: the state of each actor, and what changed in it")
    .option("--at <n>", "one step, with all of the context", count)
    .option("--html <file>", "all of it as one page that needs no network")
    .action(async (recording: string, flags: { at?: number; html?: string }) => {
      const { step } = await import("./step.ts");
      await step(env, recording, flags);
    });
  program
    .command("fork <recording>")
    .description(
      "a recording up to a step, and from there on live on a fresh desk; shows both ways side by side",
    )
    .option(
      "--at <seq>",
      "record from which on it is live (where it goes apart with the playbooks as they are)",
      count,
    )
    .option("--say <text>", "what the customer writes there instead")
    .option(
      "--arm <experiment=arm>",
      "from the beginning on as if the customer were in this arm of an experiment",
    )
    .option("--model <name>", "from the beginning on with this model of the one that is configured's server")
    .option(
      "--policy <file>",
      "from the beginning on with the rules of escalation of this configuration file",
    )
    .option("--out <folder>", "write what it came to as a recording into this folder")
    .action(async (recording: string, flags: ForkFlags) => {
      const { fork } = await import("./fork.ts");
      await fork(env, recording, flags);
    });
  program
    .command("shadow [path...]")
    .description(
      "what the release as it is configured would have made of recorded conversations, with nobody hearing it: outcomes, time and calls, with intervals",
    )
    .option("--out <folder>", "write what it came to as recordings into this folder, for diff")
    .option("--level <share>", "of such comparisons without an effect in which one is found", "0.05")
    .option("--live", "conversations of the running desk as they end, instead of recorded ones")
    .option("--for <duration>", "how long --live goes on (10m, 2h); until Ctrl-C without it")
    .action(async (paths: string[], flags: ShadowFlags) => {
      const { shadow } = await import("./shadow.ts");
      await shadow(env, paths, flags);
    });
  program
    .command("gate")
    .description(
      "whether a release may go out: playbooks, recordings, scenarios, budgets, evaluations; one exit code",
    )
    .option("--file <file>", "recordings and evaluations (gate.yaml, where there is one)")
    .option("--no-live", "without the scenarios on a fresh desk and their budgets")
    .action(async (flags: { file?: string; live: boolean }) => {
      const { gate } = await import("./gate.ts");
      await gate(env, flags);
    });
  program
    .command("transcripts <file>")
    .description(
      "plain chat transcripts (CSV or JSON lines: conversation, speaker, text) become scenario files",
    )
    .requiredOption("--out <folder>", "where to")
    .action(async (file: string, flags: { out: string }) => {
      const { transcripts } = await import("./transcripts.ts");
      await transcripts(env, file, flags);
    });
  program
    .command("simulate")
    .description("customers with goals, typos and little patience, made from a seed, talk to a fresh desk")
    .option("--customers <n>", "so many", count, 50)
    .option("--seed <n>", "what they are made from", count, 1)
    .option("--concurrency <n>", "at once", count, 8)
    .option("--record <folder>", "write the conversations as recordings into this folder")
    .action(async (flags: { customers: number; seed: number; concurrency: number; record?: string }) => {
      const { simulate } = await import("./simulate.ts");
      await simulate(env, flags);
    });
};
