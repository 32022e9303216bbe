/** Customers who are on a desk at the same time, each somewhere in what he has to say. */
import type { DeskAccess } from "../../scenarios/desk-client.ts";
import { ConversationDriver, type SentMessage } from "../../scenarios/driver.ts";
import type { Scenario } from "../../scenarios/format.ts";
import { shopCustomers } from "../shop-customers.ts";

/** Where somebody writes, and how what he has to say is worded there. */
export interface Channel {
  readonly name: string;
  readonly worded: (text: string) => string;
}

export interface CrowdOptions {
  /** Who comes, one after the other, and from the beginning again. Default: customers of the company that a desk makes for itself. */
  readonly customers?: readonly Scenario[];
  /** The channel of the n-th conversation. Default: that of its customer, in his own words. */
  readonly channelOf?: (n: number) => Channel;
}

/** Conversations that are opened at once while the crowd gathers. */
const OPENED_AT_ONCE = 8;
/** Longest wait for a reply, ms. */
const REPLY_MS = 30_000;

interface Talk {
  readonly driver: ConversationDriver;
  readonly channel: Channel;
  readonly messages: readonly string[];
  /** The next one. */
  at: number;
}

/** What somebody said, and where. */
export interface Spoken {
  readonly sent: SentMessage;
  readonly channel: string;
}

export class Crowd {
  readonly #access: DeskAccess;
  readonly #customers: readonly Scenario[];
  readonly #channelOf: CrowdOptions["channelOf"];
  /** Who waits for nothing, the one who has been silent for longest first. */
  readonly #idle: Talk[] = [];
  readonly #all = new Set<Talk>();
  /** Who just leaves, and who comes in his place. */
  readonly #moving = new Set<Promise<void>>();
  #over = false;
  /** Conversations that had something said in, by id. */
  readonly spoken = new Set<string>();
  #came = 0;

  private constructor(access: DeskAccess, { customers = shopCustomers(), channelOf }: CrowdOptions) {
    this.#access = access;
    this.#customers = customers;
    this.#channelOf = channelOf;
  }

  /** @param size conversations that are live at any time */
  static async gather(
    access: DeskAccess,
    size: number,
    options: CrowdOptions = {},
    onCame?: (came: number) => void,
  ): Promise<Crowd> {
    const crowd = new Crowd(access, options);
    let open = 0;
    const worker = async (): Promise<void> => {
      while (open < size) {
        open++;
        crowd.#idle.push(await crowd.#come());
        onCame?.(crowd.#idle.length);
      }
    };
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, worker));
    return crowd;
  }

  get live(): number {
    return this.#all.size;
  }

  /**
   * One turn of somebody: his next message, until its first reply. Who has said all that he had to say leaves, and another comes
   * in his place.
   * @throws when there is no reply, or it is refused
   */
  async turn(): Promise<Spoken> {
    const talk = this.#idle.shift() ?? (await this.#come());
    const { driver, channel } = talk;
    const sent = await driver.send(channel.worded(talk.messages[talk.at++]!));
    this.spoken.add(driver.id);
    if (!(await driver.answered(sent))) throw new Error(`no reply in conversation ${driver.id}`);
    // Who finds no way in where there is too much to do is not waited for: the next turn brings another.
    const moving = this.#goOn(talk)
      .catch(() => {})
      .finally(() => this.#moving.delete(moving));
    this.#moving.add(moving);
    return { sent, channel: channel.name };
  }

  /** Until who just leaves has gone, and another has come in his place. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#moving);
  }

  /** Nobody comes any more. */
  async leave(): Promise<void> {
    this.#over = true;
    await Promise.allSettled(this.#moving);
    await Promise.all([...this.#all].map(({ driver }) => driver.close()));
  }

  async #goOn(talk: Talk): Promise<void> {
    if (talk.at < talk.messages.length) {
      this.#idle.push(talk);
      return;
    }
    this.#all.delete(talk);
    await talk.driver.close();
    if (!this.#over) this.#idle.push(await this.#come());
  }

  async #come(): Promise<Talk> {
    const n = this.#came++;
    const { given, steps } = this.#customers[n % this.#customers.length]!;
    const channel = this.#channelOf?.(n) ?? { name: given.channel, worded: (text) => text };
    const driver = new ConversationDriver(this.#access, { replyMs: REPLY_MS });
    await driver.open({ channel: channel.name, customer: given.customer, vouched: given.vouched });
    const messages = steps.flatMap((step) => ("customer" in step ? [step.customer] : []));
    const talk = { driver, channel, messages, at: 0 };
    this.#all.add(talk);
    return talk;
  }
}
