/** A whole desk for tests: the real one, on a free port and a data directory that goes away, with its customers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Customer, Order } from "../actors/skills/backoffice/types.ts";
import { defaultEraseList } from "../memory/control/erase-list.ts";
import { type Config, type ConfigInput, configSchema } from "../runtime/config/schema.ts";
import { ConversationDriver } from "../scenarios/driver.ts";
import { Desk, type DeskOptions } from "./desk.ts";

/** For hooks and tests that start a desk: seconds, but minutes where many do at once. */
export const START_MS = 180_000;

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: any;
  readonly text: string;
}

export class TestedDesk {
  #desk: Desk;
  readonly #options: DeskOptions;
  readonly #drivers: ConversationDriver[] = [];

  private constructor(desk: Desk, options: DeskOptions) {
    this.#desk = desk;
    this.#options = options;
  }

  static async start(config: ConfigInput = {}, more: Omit<DeskOptions, "config"> = {}): Promise<TestedDesk> {
    const dataDir = mkdtempSync(join(tmpdir(), "desk-"));
    const full: Config = configSchema.parse({ dataDir, ...config, gateway: { port: 0, ...config.gateway } });
    const options = { ...more, config: full };
    try {
      return new TestedDesk(await Desk.start(options), options);
    } catch (error) {
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  get desk(): Desk {
    return this.#desk;
  }

  get dataDir(): string {
    return this.#options.config.dataDir;
  }

  /** Stops; what it wrote is still there. */
  async stop(): Promise<void> {
    await Promise.all(this.#drivers.splice(0).map((driver) => driver.close()));
    await this.#desk.stop();
  }

  /** Stops, and starts on the same directory. */
  async restart(): Promise<void> {
    await this.stop();
    this.#desk = await Desk.start(this.#options);
  }

  async remove(): Promise<void> {
    await this.stop().catch(() => {});
    rmSync(this.dataDir, { recursive: true, force: true });
    rmSync(defaultEraseList(this.dataDir), { force: true });
  }

  /** A conversation; with a customer's id, the channel vouches for him. */
  async conversation(customerId?: string): Promise<ConversationDriver> {
    const driver = new ConversationDriver({ url: this.#desk.url, adminToken: this.#desk.adminToken });
    this.#drivers.push(driver);
    await driver.open(customerId ? { customer: { id: customerId }, vouched: true } : {});
    return driver;
  }

  /** An admin's request. */
  call(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.raw(method, path, body === undefined ? undefined : JSON.stringify(body), {
      authorization: `Bearer ${this.#desk.adminToken}`,
    });
  }

  /** A request as it is, bytes and all. */
  async raw(
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.#desk.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      body: body as never,
    });
    const text = await response.text();
    const type = response.headers.get("content-type") ?? "";
    return { status: response.status, type, text, body: /json/.test(type) ? JSON.parse(text) : undefined };
  }

  /** A generated customer who has an order with this status, and the order; the nth of them. */
  async customerWith(
    wanted: (order: Order) => boolean,
    nth = 0,
  ): Promise<{ customer: Customer; order: Order }> {
    const { backOffice } = this.#desk;
    const order = (await backOffice.list("orders")).filter(wanted)[nth];
    if (!order) throw new Error("the generated company has no such order");
    return { order, customer: (await backOffice.get("customers", order.customerId))! };
  }
}

/** Says one thing and waits for what comes of it: the replies since then, as one text. */
export async function say(driver: ConversationDriver, text: string): Promise<string> {
  const before = driver.replies.length;
  await driver.send(text);
  await driver.settled();
  return driver.replies
    .slice(before)
    .map((reply) => reply.text)
    .join("\n");
}
