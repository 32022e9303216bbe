/**
 * The same little support graph in this engine and in what somebody would take instead, each used as its documentation says. Durable
 * in each, replies and counts looked at, rounds in turn (`interleaved`).
 */

import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asset } from "../../runtime/config/paths.ts";
import { BUILT_ENTRY } from "../engine/engine.ts";
import { interleaved, type Percentiles } from "../harness/index.ts";
import { otherPeer, ourPeer, type Peer } from "./peer.ts";

export interface PeersOptions {
  readonly rounds: number;
  /** Length of a round of one peer, at once and one after the other. */
  readonly seconds: number;
  readonly aloneSeconds: number;
  /** Turns at once. */
  readonly window: number;
  /** Conversations that turns go to. */
  readonly conversations: number;
  /** Fresh conversations that bytes are measured with, and turns of each, twice. */
  readonly fresh: number;
  readonly turns: number;
  /** Load that is cut by a kill -9 in its middle. */
  readonly interruptedSeconds: number;
  readonly only?: readonly string[];
  readonly onStage?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface PeerMeasured {
  readonly name: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Turns a second. */
  readonly rates: readonly number[];
  readonly alone: readonly Percentiles[];
  readonly bytes: { readonly first: number; readonly later: number };
  readonly gapMs: number | undefined;
}

export interface LeftOut {
  readonly name: string;
  /** The command that brings it, and why it failed. */
  readonly why: string;
}

interface Candidate {
  readonly name: string;
  /** Packages whose versions are said. */
  readonly packages: readonly string[];
  /** What it needs is installed with the project. */
  readonly own: boolean;
  readonly start: (dir: string, options: PeersOptions) => Promise<Peer>;
}

export const PEERS_DIR = asset("bench", "peers");
/** Whether it answers at all. */
const FIRST_SECONDS = 0.2;
export const OURS = "bailiwick";
export const FLOOR = "nats";

const arm =
  (name: string): Candidate["start"] =>
  (dir, { conversations }) =>
    otherPeer(name, dir, conversations, join(PEERS_DIR, "arms", `${name}.mjs`));

export const CANDIDATES: readonly Candidate[] = [
  {
    name: OURS,
    packages: ["nats", "xstate", "level"],
    own: true,
    start: (dir, { conversations }) => ourPeer(dir, conversations, { entry: BUILT_ENTRY }),
  },
  { name: FLOOR, packages: ["nats"], own: true, start: arm(FLOOR) },
  { name: "xstate", packages: ["xstate", "level"], own: true, start: arm("xstate") },
  {
    name: "langgraph",
    packages: ["@langchain/langgraph", "@langchain/langgraph-checkpoint-sqlite"],
    own: false,
    start: arm("langgraph"),
  },
  {
    name: "restate",
    packages: ["@restatedev/restate-sdk", "@restatedev/restate-server"],
    own: false,
    start: arm("restate"),
  },
];

export async function benchPeers(
  options: PeersOptions,
): Promise<{ measured: PeerMeasured[]; leftOut: LeftOut[] }> {
  const { onStage = () => {}, signal, rounds, window, only } = options;
  const dir = await mkdtemp(join(tmpdir(), "bailiwick-bench-"));
  const peers = new Map<Candidate, Peer>();
  const leftOut: LeftOut[] = [];
  try {
    for (const candidate of CANDIDATES.filter(({ name }) => !only || only.includes(name))) {
      signal?.throwIfAborted();
      onStage(`starting ${candidate.name}`);
      try {
        versionsOf(candidate);
        const peer = await candidate.start(join(dir, candidate.name), options);
        peers.set(candidate, peer);
        await peer.saturate(FIRST_SECONDS, 1);
      } catch (error) {
        // Our own parts are there: that is a defect, and no peer that somebody did not install.
        if (candidate.own) throw error;
        await peers.get(candidate)?.stop();
        peers.delete(candidate);
        const why = (error as Error).message.split("\n")[0]!;
        leftOut.push({ name: candidate.name, why: `npm ci --prefix bench/peers, then: ${why}` });
      }
    }
    const arms = <T>(measure: (peer: Peer) => Promise<T>): Record<string, () => Promise<T>> =>
      Object.fromEntries(
        [...peers].map(([{ name }, peer]) => [
          name,
          () => {
            signal?.throwIfAborted();
            return measure(peer);
          },
        ]),
      );
    const stage = (what: string) => (round: number, arm: string) =>
      onStage(`${what}, ${arm}, ${round === 0 ? "warming up" : `round ${round} of ${rounds}`}`);
    const rates = await interleaved(
      arms((peer) => peer.saturate(options.seconds, window)),
      rounds,
      stage(`${window} at once`),
    );
    const alone = await interleaved(
      arms((peer) => peer.alone(options.aloneSeconds)),
      rounds,
      stage("one after the other"),
    );
    const measured: PeerMeasured[] = [];
    for (const [candidate, peer] of peers) {
      signal?.throwIfAborted();
      const { name } = candidate;
      onStage(`killing ${name}`);
      const gapMs = await peer.interrupted(options.interruptedSeconds, window);
      onStage(`counting the turns of ${name}`);
      await peer.verify();
      onStage(`bytes of ${name}`);
      const bytes = await peer.bytes(options.fresh, options.turns);
      const versions = versionsOf(candidate);
      measured.push({ name, versions, rates: rates[name]!, alone: alone[name]!, bytes, gapMs });
    }
    return { measured, leftOut };
  } finally {
    await Promise.allSettled([...peers.values()].map((peer) => peer.stop()));
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** @throws Error when one is not installed */
function versionsOf({ packages, own }: Candidate): Record<string, string> {
  const require = createRequire(own ? import.meta.url : join(PEERS_DIR, "package.json"));
  return Object.fromEntries(
    packages.map((name) => {
      const paths = require.resolve.paths(name) ?? [];
      for (const path of paths) {
        try {
          return [name, String((require(join(path, name, "package.json")) as { version: string }).version)];
        } catch {}
      }
      throw new Error(`${name} is not installed`);
    }),
  );
}
