/** The bench's processes. Without a compiled entry, as in tests from the sources, what they do is done in this one. */
import { ENGINE_NODE_ARGUMENTS } from "../../runtime/node-arguments.ts";
import { Remote } from "../harness/remote.ts";
import { ROLES, type Role } from "./roles.ts";

export interface Helper {
  call<T>(name: string, args: unknown): Promise<T>;
  end(): Promise<void>;
}

/** As a desk runs; memory is measured after collecting garbage. */
const NODE_ARGUMENTS = [...ENGINE_NODE_ARGUMENTS, "--expose-gc"];

export class Helpers {
  readonly #entry: string | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #running = new Set<Helper>();
  readonly #kill = (): void => {
    for (const helper of this.#running) if (helper instanceof Remote) void helper.kill();
  };

  /** @param signal ends them at once: what is called then fails */
  constructor(entry: string | undefined, signal?: AbortSignal) {
    this.#entry = entry;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#kill);
  }

  async start(role: Role): Promise<Helper> {
    this.#signal?.throwIfAborted();
    const running = this.#entry ? new Remote(this.#entry, role, NODE_ARGUMENTS) : await here(role);
    this.#running.add(running);
    return {
      call: (name, args) => running.call(name, args),
      end: () => this.#end(running),
    };
  }

  async endAll(): Promise<void> {
    for (const helper of [...this.#running]) await this.#end(helper);
  }

  async close(): Promise<void> {
    await this.endAll();
    this.#signal?.removeEventListener("abort", this.#kill);
  }

  async #end(helper: Helper): Promise<void> {
    if (this.#running.delete(helper)) await helper.end();
  }
}

async function here(role: Role): Promise<Helper> {
  const { handlers, end } = await ROLES[role]();
  return { call: async <T>(name: string, args: unknown) => (await handlers[name]!(args)) as T, end };
}
