/** Where a memory of the bench lies, and what its processes need to open it. */
import { createHash } from "node:crypto";
import type { EncoderOptions } from "../../memory/encoder/index.ts";
import { type Bus, connectBus } from "../../runtime/bus/index.ts";
import { openKeyRing, type WorkspaceKeyRing } from "../../runtime/log/keyring.ts";

export const WORKSPACE = "bench";
export const FACTS_OF_CUSTOMER = 20;
/** Texts in one call of the encoder. */
export const TEXTS_AT_ONCE = 64;

export interface Place {
  readonly url: string;
  readonly user: string;
  readonly pass: string;
  /** Holds the workspace key, and the memory's LevelDB in `memory`. */
  readonly dir: string;
  readonly encoder: EncoderOptions;
  readonly seed: string;
}

export interface Joined {
  readonly bus: Bus;
  readonly keys: WorkspaceKeyRing;
  leave(): Promise<void>;
}

export async function join(
  { url, user, pass, dir }: Pick<Place, "url" | "user" | "pass" | "dir">,
  workspace = WORKSPACE,
): Promise<Joined> {
  const bus = await connectBus({ url, user, pass, name: "bench-memory" });
  const keys = await openKeyRing({ bus, workspace, dataDir: dir });
  return {
    bus,
    keys,
    leave: async () => {
      keys.close();
      await bus.close();
    },
  };
}

/** Keys of customers are hashes: neighbours in time are none on disk. */
export function customerKey(n: number): string {
  return createHash("sha256").update(`customer ${n}`).digest("base64url").slice(0, 22);
}

export interface Held {
  /** All in MiB, after collecting garbage where that can be asked for. */
  readonly rss: number;
  readonly heap: number;
  /** Outside of the heap: vectors, lists, buffers. */
  readonly external: number;
}

export function held(): Held {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const mib = (bytes: number): number => bytes / 1024 / 1024;
  return { rss: mib(rss), heap: mib(heapUsed), external: mib(external) };
}
