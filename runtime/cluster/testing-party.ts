/** For tests: session and leases of one node by themselves, without the coordinator that drives them. */
import type { Kv } from "../bus/bus.ts";
import { type Clock, systemClock } from "../clock.ts";
import { newId } from "../ids.ts";
import { Leases } from "./leases.ts";
import { Members } from "./members.ts";
import { Session } from "./session.ts";
import type { Timings } from "./timings.ts";

export interface Party {
  readonly members: Members;
  readonly leases: Leases;
  readonly session: Session;
  /** Why the session is over. */
  readonly lost: string[];
  /** Ends as a crash would. */
  leave(): void;
}

export interface PartyOptions {
  readonly members: Kv;
  readonly leases: Kv;
  readonly timings: Required<Timings>;
  readonly clock?: Clock;
  readonly holder?: string;
  /** Default 4. */
  readonly partitions?: number;
}

export async function joinParty(node: string, options: PartyOptions): Promise<Party> {
  const { timings, clock = systemClock, holder = newId(), partitions = 4 } = options;
  const lost: string[] = [];
  let session: Session | undefined;
  const members = new Members(options.members, {
    clock,
    timings,
    onSession: (name, seen) => {
      if (name === node) session?.observe(seen);
    },
    onChange: () => {},
    onError: () => {},
    mayJudge: (name, record) =>
      session ? session.remainingMs() > 0 : name === node && record.holder !== holder,
  });
  const leases = new Leases(options.leases, {
    node,
    partitions,
    members,
    clock,
    timings,
    onChange: () => {},
  });
  const stop = new AbortController();
  const leave = (): void => {
    stop.abort();
    session?.abandon();
    members.stop();
    leases.view.stop();
  };
  try {
    await leases.agree();
    members.view.start();
    leases.view.start();
    await Promise.all([members.view.ready(10_000), leases.view.ready(10_000)]);
    session = await Session.register({
      kv: options.members,
      members,
      node,
      holder,
      info: { gateway: `http://${node}` },
      clock,
      timings,
      signal: stop.signal,
      onLost: (_, reason) => void lost.push(reason),
      onError: () => {},
    });
    members.touch();
  } catch (error) {
    leave();
    throw error;
  }
  return { members, leases, session, lost, leave };
}

/** The bucket as somebody sees it who hears of every write late, by `lag.ms`, which may grow. */
export function lagging(kv: Kv, lag: { readonly ms: number }): Kv {
  const late = (call: () => void): void => void setTimeout(call, lag.ms);
  const watch: Kv["watch"] = (watcher, options) =>
    kv.watch(
      {
        onAll: (entries) => late(() => watcher.onAll(entries)),
        onEntry: (entry) => late(() => watcher.onEntry(entry)),
      },
      options,
    );
  return new Proxy(kv, { get: (_, name: keyof Kv) => (name === "watch" ? watch : kv[name].bind(kv)) });
}
