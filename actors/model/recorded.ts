/** A provider that plays what a model said in a recording, one output after the other. */
import { type ChatResult, type Provider, ProviderError } from "./provider.ts";

/**
 * Whoever is told how far the conversation is gets the output that came then, however often he asks; after the last one he waits.
 * @param outputs of one conversation, in order
 */
export function recordedProvider(outputs: readonly ChatResult[]): Provider {
  return {
    kind: "recorded",
    verbatim: true,
    chat({ messages }, signal) {
      // Each of its own messages is an output that was played already.
      const played = messages.filter(({ role }) => role === "assistant").length;
      const output = outputs[played];
      if (output) return Promise.resolve(output);
      return new Promise((_, reject) => {
        const none = () => reject(new ProviderError(`the recording has no output after ${outputs.length}`));
        signal.addEventListener("abort", none, { once: true });
        if (signal.aborted) none();
      });
    },
    embed: () => Promise.reject(new ProviderError("a recording has no embeddings")),
    models: async () => ["recorded"],
  };
}
