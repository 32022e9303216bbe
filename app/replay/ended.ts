/** Conversations of a running desk, one by one as they come to an outcome. */
import { setTimeout as sleep } from "node:timers/promises";
import type { AdminClient } from "../../runtime/config/cli.ts";
import type { Filed } from "./live-run.ts";
import { fetchRecording } from "./recordings.ts";

export interface EndedOptions {
  /** Those that began since, ms since the epoch. */
  readonly since: number;
  /** For so long, ms. Default: until the signal. */
  readonly forMs?: number;
  readonly signal: AbortSignal;
  /** The desk is asked this often, ms. Default 5,000. */
  readonly everyMs?: number;
  /** Of the conversations that had a record last it looks at so many each time: the desk has customers to answer. Default 100. */
  readonly among?: number;
  readonly onLook?: (taken: number) => void;
}

interface Listed {
  readonly id: string;
  readonly outcome: string | null;
}

/** Each once, as it was when it was found; names and numbers of people are replaced. */
export async function* ended(client: AdminClient, options: EndedOptions): AsyncGenerator<Filed> {
  const { since, forMs = Number.POSITIVE_INFINITY, signal, everyMs = 5_000, among = 100, onLook } = options;
  const until = performance.now() + forMs;
  const query = new URLSearchParams({
    since: new Date(since).toISOString(),
    among: String(among),
    limit: String(among),
  });
  const taken = new Set<string>();
  while (!signal.aborted) {
    // What comes to its end in the last moment is looked for once more.
    const last = performance.now() >= until;
    const { conversations } = await client.get<{ conversations: Listed[] }>(`/v1/admin/recordings?${query}`);
    // The one that has been silent for longest first.
    for (const { id, outcome } of conversations.toReversed()) {
      if (signal.aborted) return;
      if (outcome === null || taken.has(id)) continue;
      taken.add(id);
      yield { file: id, recording: (await fetchRecording(client, id)).recording };
    }
    onLook?.(taken.size);
    if (last) return;
    await sleep(Math.min(everyMs, Math.max(0, until - performance.now())), undefined, { signal }).catch(
      () => {},
    );
  }
}
