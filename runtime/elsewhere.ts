/** What the nodes of a cluster ask each other: the state of actors that another one owns. */
import { type Address, formatAddress, parseAddress } from "./address.ts";
import type { Bus, BusMessage, BusSubscription } from "./bus/bus.ts";
import type { Subjects } from "./bus/subjects.ts";
import { UnavailableError } from "./engine.ts";
import type { ActorView } from "./host/definition.ts";
import { LeftLogError } from "./log/checkpoint.ts";

export interface ElsewhereOptions {
  readonly bus: Bus;
  readonly names: Subjects;
  /** Name of this node. */
  readonly node: string;
  /** Whether this node owns an actor. */
  readonly isHere: (to: Address) => boolean;
  readonly read: (to: Address) => Promise<ActorView | undefined>;
  /** Actors of a kind that are open here. */
  readonly open: (kind: string) => Promise<readonly Address[]>;
  /** One request to another node, ms. Default 2,000. */
  readonly requestMs?: number;
}

/** `moved`: it is not that node's any more. */
type Reading =
  | { readonly view: ActorView | null }
  | { readonly moved: true }
  | { readonly left: true }
  | { readonly failed: string };
interface Listing {
  readonly views: readonly ActorView[];
  /** Name of the last that was looked at; absent at the end. */
  readonly last?: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Text of one answer: a message of the bus has to hold it. */
const PAGE_CHARACTERS = 256 * 1024;

export class Elsewhere {
  readonly #o: Required<ElsewhereOptions>;
  readonly #subscriptions: BusSubscription[] = [];

  constructor(options: ElsewhereOptions) {
    this.#o = { requestMs: 2_000, ...options };
  }

  /** Begins to answer the others. */
  start(): void {
    const { bus, names, node } = this.#o;
    const serve = (operation: string, answer: (asked: string) => Promise<object>): void => {
      const handler = (message: BusMessage): void => {
        answer(decoder.decode(message.data))
          .catch(
            (error): Reading =>
              error instanceof LeftLogError ? { left: true } : { failed: String((error as Error)?.name) },
          )
          .then((result) => message.respond(encoder.encode(JSON.stringify(result))))
          // A page that does not fit, or the connection is gone: who asked has a time-out.
          .catch(() => {});
      };
      this.#subscriptions.push(bus.subscribe(names.node(operation, node), handler));
    };
    serve("read", async (asked): Promise<Reading> => {
      const to = parseAddress(asked);
      if (!this.#o.isHere(to)) return { moved: true };
      return { view: (await this.#o.read(to)) ?? null };
    });
    serve("list", (asked) => this.#list(JSON.parse(asked)));
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  /** The state of an actor of another node; `moved` when it is not there any more. @throws UnavailableError, LeftLogError */
  async read(node: string, to: Address): Promise<ActorView | undefined | "moved"> {
    const answer = (await this.#ask("read", node, formatAddress(to))) as Reading;
    if ("failed" in answer) throw unavailable(node, answer.failed);
    if ("left" in answer) throw new LeftLogError(to);
    return "moved" in answer ? "moved" : (answer.view ?? undefined);
  }

  /** Actors of a kind that are open at another node. @throws UnavailableError */
  async list(node: string, kind: string): Promise<ActorView[]> {
    const views: ActorView[] = [];
    let after: string | undefined = "";
    while (after !== undefined) {
      const page = (await this.#ask("list", node, JSON.stringify({ kind, after }))) as Listing | Reading;
      if (!("views" in page)) throw unavailable(node, "failed" in page ? page.failed : "no answer");
      views.push(...page.views);
      after = page.last;
    }
    return views;
  }

  async #list({ kind, after }: { kind: string; after: string }): Promise<Listing> {
    const open = (await this.#o.open(kind)).map((to) => [formatAddress(to), to] as const);
    const next = open.filter(([name]) => name > after).sort(([a], [b]) => (a < b ? -1 : 1));
    const views: ActorView[] = [];
    let characters = 0;
    for (const [name, to] of next) {
      const view = await this.#o.read(to).catch((error) => {
        if (!(error instanceof LeftLogError)) throw error;
      });
      if (!view) continue;
      views.push(view);
      characters += JSON.stringify(view).length;
      if (characters > PAGE_CHARACTERS) return { views, last: name };
    }
    return { views };
  }

  async #ask(operation: string, node: string, asked: string): Promise<unknown> {
    const { bus, names, requestMs } = this.#o;
    try {
      const subject = names.node(operation, node);
      const reply = await bus.request(subject, encoder.encode(asked), { timeoutMs: requestMs });
      return JSON.parse(decoder.decode(reply.data));
    } catch (error) {
      throw unavailable(node, (error as Error).name);
    }
  }
}

function unavailable(node: string, why: string): UnavailableError {
  return new UnavailableError(`node ${node} does not answer (${why}): try again`, 1_000);
}
