/** States of actors, wherever they are: of this node, or asked of the one that owns them. */
import type { Address } from "./address.ts";
import type { Elsewhere } from "./elsewhere.ts";
import { UnavailableError } from "./engine.ts";
import type { Admission } from "./host/admission.ts";
import type { ActorView } from "./host/definition.ts";
import type { Host } from "./host/host.ts";
import { LeftLogError } from "./log/checkpoint.ts";
import type { RecordIndex } from "./log/record-index.ts";
import type { KeyRing } from "./log/sealer.ts";
import type { Partitions } from "./partitions.ts";
import { RETRY_AFTER_MS, rethrow } from "./unavailable.ts";

export interface ActorReadsParts {
  readonly host: Host;
  readonly partitions: Partitions;
  readonly index: RecordIndex;
  readonly admission: Admission;
  readonly keys: KeyRing;
  /** The other nodes; undefined where there are none. */
  readonly elsewhere: Elsewhere | undefined;
}

/** How long a read waits for the first record of an actor that is in the log and not folded yet, ms. */
const READ_OWN_WRITES_MS = 1_000;
const READ_AGAIN_MS = 5;
/** How long a read looks for the owner of an actor that is moving, ms. */
const FIND_OWNER_MS = 5_000;
const FIND_AGAIN_MS = 50;

export class ActorReads {
  readonly #p: ActorReadsParts;

  constructor(parts: ActorReadsParts) {
    this.#p = parts;
  }

  /** From whichever node owns it. @throws UnavailableError, LeftLogError */
  async read(address: Address): Promise<ActorView | undefined> {
    const end = performance.now() + FIND_OWNER_MS;
    for (;;) {
      const isHere = this.#p.partitions.isHere(address);
      const owner = isHere ? undefined : this.#p.partitions.ownerOf(address);
      try {
        if (isHere) return await this.here(address);
        const found = owner === undefined ? "moved" : await this.#p.elsewhere!.read(owner, address);
        if (found !== "moved") return found;
      } catch (error) {
        // What was read here may have moved away meanwhile: then its next owner is asked.
        const stays = isHere && this.#p.partitions.isHere(address);
        if (stays || error instanceof LeftLogError || performance.now() > end) throw error;
      }
      if (performance.now() > end) {
        const { kind, id } = address;
        throw new UnavailableError(`${kind} ${id} is moving to another node: try again`, RETRY_AFTER_MS);
      }
      await new Promise((resolve) => setTimeout(resolve, FIND_AGAIN_MS));
    }
  }

  /** From this node, which owns it. */
  async here(address: Address): Promise<ActorView | undefined> {
    const end = performance.now() + READ_OWN_WRITES_MS;
    for (let again = false; ; again = true) {
      const view = await this.#p.host.read(address).catch(rethrow);
      if (view || performance.now() > end) return view;
      // Acknowledged a moment ago, or not read again yet after a start: on its way to the cell.
      const coming =
        this.#p.admission.isWaiting(address) || (await this.#p.index.ofActor(address)).length > 0;
      if (!coming) return undefined;
      // Of whoever was erased nothing comes any more.
      if (!again && (await this.#p.keys.isDestroyed(address.key).catch(rethrow))) return undefined;
      await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
    }
  }

  /** Those that are not closed, of all nodes. */
  async list(kind: string): Promise<ActorView[]> {
    const own = async (): Promise<ActorView[]> => {
      const views: ActorView[] = [];
      for (const address of await this.#p.host.open(kind)) {
        const view = await this.here(address).catch(unlessLeft);
        if (view) views.push(view);
      }
      return views;
    };
    const others = this.#p.partitions.others().map((node) => this.#p.elsewhere!.list(node, kind));
    return (await Promise.all([own(), ...others])).flat();
  }
}

/** Of an actor that has left the log there is nothing to see. */
function unlessLeft(error: unknown): undefined {
  if (!(error instanceof LeftLogError)) throw error;
}
