/** Appends records and waits for JetStream's acknowledgement. */
import { type Address, formatAddress, partitionOf } from "../address.ts";
import type { Bus } from "../bus/bus.ts";
import type { Envelope } from "../envelope.ts";
import { encodeRecord } from "./codec.ts";
import type { KeyRing } from "./sealer.ts";
import { JetStreamError } from "./stream.ts";

export interface Acknowledged {
  readonly seq: number;
  /** JetStream had seen the id within its window. */
  readonly duplicate: boolean;
}

/** A record that the server will never take, however often it is tried. */
export class RecordRefusedError extends Error {
  override readonly name = "RecordRefusedError";
}

export interface AppenderOptions {
  readonly stream: string;
  /** Subject of a partition. */
  readonly subject: (partition: number) => string;
  readonly partitions: number;
  /** Wait for one acknowledgement, ms. Default 3,000. */
  readonly ackTimeoutMs?: number;
}

const decoder = new TextDecoder();

export class Appender {
  readonly #bus: Bus;
  readonly #keys: KeyRing;
  readonly #o: Required<AppenderOptions>;

  constructor(bus: Bus, keys: KeyRing, options: AppenderOptions) {
    this.#bus = bus;
    this.#keys = keys;
    this.#o = { ackTimeoutMs: 3_000, ...options };
  }

  partitionOf(to: Address): number {
    return partitionOf(to.key, this.#o.partitions);
  }

  /**
   * One attempt. The data subject's key is made when it is missing.
   * @throws RecordRefusedError when no retry can help, else whatever the bus says: try again with the same id.
   */
  async append(envelope: Envelope): Promise<Acknowledged> {
    const { key } = envelope.to;
    const sealer = this.#keys.cached(key) ?? (await this.#keys.sealer(key, { create: true }));
    if (!sealer) {
      throw new RecordRefusedError(`the key of ${key} was destroyed: nothing more can be written for it`);
    }
    const { payload, headers } = encodeRecord(envelope, sealer);
    if (payload.byteLength > this.#bus.maxPayload - 1_024) {
      throw new RecordRefusedError(
        `record ${envelope.type} to ${formatAddress(envelope.to)} has ${payload.byteLength} bytes; the server takes ${this.#bus.maxPayload}`,
      );
    }
    const subject = this.#o.subject(this.partitionOf(envelope.to));
    const reply = await this.#bus.request(subject, payload, { headers, timeoutMs: this.#o.ackTimeoutMs });
    const ack = JSON.parse(decoder.decode(reply.data));
    if (ack.error) {
      throw new JetStreamError(`append: ${ack.error.description}`, ack.error.code, ack.error.err_code ?? 0);
    }
    return { seq: ack.seq, duplicate: ack.duplicate === true };
  }

  /** Tries until it is acknowledged; only a refusal or the signal ends it. Waits 50 ms, doubling up to 2 s. */
  async appendUntilAcknowledged(
    envelope: Envelope,
    signal: AbortSignal,
    onFailure?: (error: unknown) => void,
  ): Promise<Acknowledged> {
    let waitMs = 50;
    for (;;) {
      try {
        return await this.append(envelope);
      } catch (error) {
        if (error instanceof RecordRefusedError || signal.aborted) throw error;
        onFailure?.(error);
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        if (signal.aborted) throw error;
        waitMs = Math.min(waitMs * 2, 2_000);
      }
    }
  }
}
