/** Whether a server has what the log needs. */
import type { Bus } from "./bus.ts";
import { BusConnectError, NoRespondersError } from "./errors.ts";

/** @throws BusConnectError when the server runs without JetStream, or this account may not use it. */
export async function requireJetStream(bus: Bus, timeoutMs: number): Promise<void> {
  try {
    const answer = await bus.request("$JS.API.INFO", new Uint8Array(), { timeoutMs });
    const { error } = JSON.parse(Buffer.from(answer.data).toString("utf8")) as {
      error?: { description?: string };
    };
    if (!error) return;
    throw new BusConnectError(
      `the NATS server of nats.url keeps no streams for this account (${error.description}): enable JetStream for it`,
    );
  } catch (error) {
    if (!(error instanceof NoRespondersError)) throw error;
    throw new BusConnectError(
      "the NATS server of nats.url runs without JetStream, in which the log is kept: start it with -js",
      { cause: error },
    );
  }
}
