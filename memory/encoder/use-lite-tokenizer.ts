/** The vocabulary of the built-in encoder as the files that a Hugging Face tokenizer is loaded from. */
import { MAX_TOKENS, type Piece, SHAPE } from "./use-lite-weights.ts";

/** The first ids are markers of the training run; no text may become one. */
const RESERVED = 6;
/** Far below any real piece's log probability. */
const NEVER = -100;
/** Padding and unknown text share id 0; the attention mask tells them apart. */
const UNKNOWN = "\uFFFD";

export function tokenizerFiles(vocabulary: readonly Piece[]): {
  tokenizer: unknown;
  config: unknown;
  model: unknown;
} {
  const vocab = vocabulary.map(([piece, score], id): Piece => {
    if (id === 0) return [UNKNOWN, NEVER];
    if (id < RESERVED) return [`<reserved_${id}>`, NEVER];
    return [piece, score ?? 0];
  });
  return {
    tokenizer: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: [],
      normalizer: { type: "NFKC" },
      pre_tokenizer: {
        type: "Sequence",
        // Words are cut apart first: no piece spans two words, and the search stays short for long texts.
        pretokenizers: [
          { type: "WhitespaceSplit" },
          { type: "Metaspace", replacement: "▁", str_rep: "▁", add_prefix_space: true },
        ],
      },
      post_processor: null,
      decoder: { type: "Metaspace", replacement: "▁", add_prefix_space: true },
      model: { type: "Unigram", unk_id: 0, vocab },
    },
    config: {
      tokenizer_class: "PreTrainedTokenizer",
      model_max_length: MAX_TOKENS,
      unk_token: UNKNOWN,
      pad_token: UNKNOWN,
    },
    model: {
      // The loader knows families, not graphs: "bert" is its name for "ids and mask in, encoder only".
      model_type: "bert",
      architectures: ["UniversalSentenceEncoderLite"],
      hidden_size: SHAPE.hidden,
      vocab_size: SHAPE.vocabulary,
      max_position_embeddings: MAX_TOKENS,
      pad_token_id: 0,
    },
  };
}
