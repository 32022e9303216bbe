/** What JetStream says of a message that it delivers. */
import type { BusMessage } from "./bus.ts";

/** Where a delivered message stands, from its reply subject `$JS.ACK.…`, which has 9 tokens or, newer, 12. */
export function placeOf(message: BusMessage): { streamSeq: number; consumerSeq: number; pending: number } {
  const tokens = (message.reply ?? "").split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) {
    throw new Error(`not a JetStream delivery: reply subject ${JSON.stringify(message.reply)}`);
  }
  const o = tokens.length === 9 ? 0 : 2;
  return {
    streamSeq: Number(tokens[5 + o]),
    consumerSeq: Number(tokens[6 + o]),
    pending: Number(tokens[8 + o]),
  };
}
