/** The runtime's end of the watchdog: heartbeats, and an end of its own when the parent is gone. */
import type { WatchdogMessage } from "./watchdog.ts";

export interface JoinOptions {
  /** Between two heartbeats, ms. Default 500. */
  readonly everyMs?: number;
  /** Called once when the parent is gone. Default: SIGTERM to this process, so that it drains as for anybody. */
  readonly onParentGone?: () => void;
  /** From the parent's end to ours, ms; then this process ends without further ado. Default 30,000. */
  readonly orphanMs?: number;
}

export interface WatchdogLink {
  /** Whether there is a watchdog at all; a runtime may also run without one. */
  readonly watched: boolean;
  /** Says that the start has succeeded; from then on a crash leads to a restart. */
  ready(): void;
  /** No more heartbeats; lets the process end. */
  leave(): void;
}

/** To be called as early as possible: from the first heartbeat on a silence is a stall. */
export function joinWatchdog(options: JoinOptions = {}): WatchdogLink {
  if (!process.send) return { watched: false, ready: () => {}, leave: () => {} };
  const send = (word: WatchdogMessage["watchdog"]) => {
    // A parent that is gone is noticed by its pipe's end, not by a failed send.
    if (process.connected) process.send?.({ watchdog: word } satisfies WatchdogMessage, () => {});
  };
  const timer = setInterval(() => send("beat"), options.everyMs ?? 500);
  send("beat");
  const gone = () => {
    clearInterval(timer);
    setTimeout(() => process.exit(1), options.orphanMs ?? 30_000).unref();
    if (options.onParentGone) options.onParentGone();
    else process.kill(process.pid, "SIGTERM");
  };
  process.once("disconnect", gone);
  return {
    watched: true,
    ready: () => send("ready"),
    leave: () => {
      clearInterval(timer);
      process.off("disconnect", gone);
      if (process.connected) process.disconnect();
    },
  };
}
