/** `bench peers`: the same turns in this engine and in what somebody would take instead. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { profileNamed, wholeNumber } from "../flags.ts";
import { reported } from "../reported.ts";
import type { PeersOptions } from "./peers.ts";

interface Flags {
  readonly profile: string;
  readonly rounds?: string;
  readonly only?: string;
}

type Profile = Omit<PeersOptions, "only" | "onStage" | "signal"> & { readonly isHeld: boolean };

const PROFILES: Readonly<Record<string, Profile>> = {
  quick: {
    rounds: 1,
    seconds: 0.5,
    aloneSeconds: 0.3,
    window: 32,
    conversations: 100,
    fresh: 20,
    turns: 5,
    interruptedSeconds: 2,
    isHeld: false,
  },
  full: {
    rounds: 5,
    seconds: 5,
    aloneSeconds: 3,
    window: 32,
    conversations: 500,
    fresh: 200,
    turns: 20,
    interruptedSeconds: 4,
    isHeld: true,
  },
};

export function addPeers(bench: Command, env: CliEnv): void {
  bench
    .command("peers")
    .description("the same turns here and in what you might take instead (npm ci --prefix bench/peers first)")
    .option("--profile <name>", "full (about six minutes, held to bench/peers/budgets.yaml) or quick", "full")
    .option("--rounds <n>", "rounds of each (5; quick: 1)")
    .option("--only <names>", "of bailiwick, nats, xstate, langgraph, restate")
    .action(async (flags: Flags, command: Command) => {
      const { isHeld, ...profile } = profileNamed(PROFILES, flags.profile);
      const { benchPeers, CANDIDATES } = await import("./peers.ts");
      const { peerRows, readPeerBudgets } = await import("./rows.ts");
      const { report } = await import("../report.ts");
      const only = flags.only?.split(",");
      const names = CANDIDATES.map(({ name }) => name);
      const unknown = only?.find((name) => !names.includes(name));
      if (unknown !== undefined) throw new UsageError(`--only ${unknown}: there are ${names.join(", ")}`);
      const budgets = isHeld ? readPeerBudgets() : undefined;
      await reported(command, env, async (onStage) => {
        const { measured, leftOut } = await benchPeers({
          ...profile,
          ...(flags.rounds ? { rounds: wholeNumber("rounds", flags.rounds) } : {}),
          only,
          onStage,
          signal: env.signal(),
        });
        const versions = Object.assign({}, ...measured.map((peer) => peer.versions));
        for (const { name, why } of leftOut) env.err(`${name} is left out: ${why}`);
        return report(peerRows(measured, budgets), versions, {
          leftOut: leftOut.map(({ name, why }) => ({ name, why })),
        });
      });
    });
}
