/** Conversations of several channels on one desk: what comes is worded as it is there. */
import type { Channel } from "./crowd.ts";
import { type DeskLoad, onDesk, type Stretch, stretch } from "./desk.ts";

const SIGNATURE = `
Kind regards

This message and what is attached to it are meant for the addressee alone. If it has reached you by mistake, please tell the sender and
delete it. Think of the environment before you print it.
`;

/** Of twenty conversations. Who writes a letter says hello and signs; who speaks neither sees commas nor stops thinking. */
const CHANNELS: readonly (Channel & { readonly of20: number })[] = [
  { name: "chat", of20: 12, worded: (text) => text },
  { name: "email", of20: 5, worded: (text) => `Dear team,\n\n${text}\n${SIGNATURE}` },
  { name: "voice", of20: 3, worded: (text) => `uh ${text.replace(/[,;:?!]|\.(?=\s|$)/g, "")}` },
];

/** Channel of the n-th conversation: by its share, and never many of one kind in a row. */
export function channelOf(n: number): Channel {
  let left = (n * 7) % 20;
  return CHANNELS.find(({ of20 }) => {
    left -= of20;
    return left < 0;
  })!;
}

export interface ChannelsResult extends Stretch {
  readonly live: number;
}

export function channels(options: DeskLoad): Promise<ChannelsResult> {
  return onDesk(options, { channelOf }, async (desk, crowd) => {
    options.onProgress?.(`${options.rate} turns a second`);
    const measured = await stretch(desk, crowd, options);
    await crowd.settled();
    return { ...measured, live: crowd.live };
  });
}
