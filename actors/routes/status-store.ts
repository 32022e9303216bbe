/**
 * The desk's live status: a read model in a store, fed from the records that the node hands over.
 *
 * It counts from the start of the process; which conversations are open is taken over from the node once, since their
 * records may be old.
 */
import { createStore } from "@xstate/store";
import type { Engine } from "../../runtime/engine.ts";
import type { StoredRecord } from "../../runtime/envelope.ts";

/** Replies a second are taken over this window. */
const WINDOW_S = 10;
/** Latest conversations that are named. */
const LATEST = 20;

export interface LiveStatus {
  /** Since when it counts, ms since the epoch. */
  readonly since: number;
  /** Open conversations by the state that their customers see: `open`, `waiting_for_human`, `with_human`. */
  readonly byState: Readonly<Record<string, number>>;
  readonly opened: number;
  /** Messages of customers. */
  readonly messages: number;
  readonly replies: number;
  /** Replies in each of the last seconds: [second since the epoch, how many]. */
  readonly window: readonly (readonly [number, number])[];
  readonly outcomes: Readonly<Record<string, number>>;
  /** Entries in the queue of people, by id: conversations and approvals. */
  readonly handoffs: {
    readonly opened: number;
    readonly accepted: number;
    readonly byReason: Readonly<Record<string, number>>;
  };
  /** Records that crashed their actor too often. */
  readonly quarantined: number;
  readonly latest: readonly { readonly id: string; readonly at: number }[];
}

function more(counts: Readonly<Record<string, number>>, key: string, by = 1): Record<string, number> {
  const { [key]: before = 0, ...others } = counts;
  return before + by <= 0 ? others : { ...others, [key]: before + by };
}

function createStatusStore(now: number) {
  const initial: LiveStatus = {
    since: now,
    byState: {},
    opened: 0,
    messages: 0,
    replies: 0,
    window: [],
    outcomes: {},
    handoffs: { opened: 0, accepted: 0, byReason: {} },
    quarantined: 0,
    latest: [],
  };
  return createStore({
    context: initial,
    on: {
      opened: (c, e: { id: string; at: number }) => ({
        ...c,
        opened: c.opened + 1,
        latest: [{ id: e.id, at: e.at }, ...c.latest.filter((l) => l.id !== e.id)].slice(0, LATEST),
      }),
      message: (c) => ({ ...c, messages: c.messages + 1 }),
      reply: (c, e: { at: number }) => {
        const second = Math.floor(e.at / 1000);
        const last = c.window.at(-1);
        const window =
          last?.[0] === second
            ? [...c.window.slice(0, -1), [second, last[1] + 1] as const]
            : [...c.window.slice(-WINDOW_S), [second, 1] as const];
        return { ...c, replies: c.replies + 1, window };
      },
      moved: (c, e: { from?: string; to?: string }) => {
        let byState: Readonly<Record<string, number>> = c.byState;
        if (e.from !== undefined) byState = more(byState, e.from, -1);
        if (e.to !== undefined) byState = more(byState, e.to);
        return { ...c, byState };
      },
      outcome: (c, e: { outcome: string }) => ({ ...c, outcomes: more(c.outcomes, e.outcome) }),
      handoff: (c, e: { state: string; reason: string }) => ({
        ...c,
        handoffs: {
          opened: c.handoffs.opened + (e.state === "queued" ? 1 : 0),
          accepted: c.handoffs.accepted + (e.state === "accepted" ? 1 : 0),
          byReason: e.state === "queued" ? more(c.handoffs.byReason, e.reason) : c.handoffs.byReason,
        },
      }),
      quarantined: (c) => ({ ...c, quarantined: c.quarantined + 1 }),
    },
  });
}

export interface StatusFeed {
  readonly store: ReturnType<typeof createStatusStore>;
  /** Replies a second over the last ten seconds. */
  repliesPerSecond(now?: number): number;
  stop(): void;
}

/** Starts to follow a node. What it had open before is taken over in the background. */
export function followStatus(engine: Engine, onError: (error: unknown) => void = () => {}): StatusFeed {
  const store = createStatusStore(Date.now());
  /** State of each open conversation; beside the store, which is only told what changes. */
  const states = new Map<string, string>();
  const move = (id: string, to: string | undefined): void => {
    const from = states.get(id);
    if (from === to) return;
    if (to === undefined) states.delete(id);
    else states.set(id, to);
    store.trigger.moved({ from, to });
  };
  /** Closed while the list was on its way. */
  let closed: Set<string> | undefined = new Set();
  const see = (r: StoredRecord): void => {
    const { key } = r.to;
    if (r.to.kind === "conversation") {
      if (r.type === "conversation.open") store.trigger.opened({ id: key, at: r.at });
      else if (r.type === "customer.message") store.trigger.message();
      else if (r.type === "host.quarantined") store.trigger.quarantined();
      return;
    }
    if (r.to.kind !== "channel") return;
    if (r.type === "reply") store.trigger.reply({ at: r.at });
    else if (r.type === "status") {
      const state = String(r.data.state ?? r.clear.state ?? "open");
      if (state === "closed") closed?.add(key);
      move(key, state === "closed" ? undefined : state);
    } else if (r.type === "outcome") {
      store.trigger.outcome({ outcome: String(r.data.outcome ?? r.clear.outcome) });
    } else if (r.type === "handoff") {
      const { state, reason } = { ...r.clear, ...r.data };
      store.trigger.handoff({ state: String(state), reason: String(reason) });
    }
  };
  const stop = engine.observe(see);
  engine
    .list("conversation")
    .then((views) => {
      for (const { address, view } of views) {
        if (states.has(address.id) || closed?.has(address.id)) continue;
        const shown: Record<string, string> = {
          waitingForHuman: "waiting_for_human",
          withHuman: "with_human",
        };
        move(address.id, shown[String(view.state)] ?? "open");
      }
    })
    .catch(onError)
    .finally(() => {
      closed = undefined;
    });
  return {
    store,
    repliesPerSecond(now = Date.now()) {
      const from = Math.floor(now / 1000) - WINDOW_S;
      const { window } = store.getSnapshot().context;
      return window.filter(([second]) => second >= from).reduce((sum, [, n]) => sum + n, 0) / WINDOW_S;
    },
    stop,
  };
}
