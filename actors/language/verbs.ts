/** Names of things that are verbs as well: “I'll watch for it”, “please set the refund to my card”. */
const AS_VERB =
  /(^|[.!?;:,\n–—-]\s*|\b(?:to|will|'ll|’ll|please|i|you|we|they|can|could|just|and|then|also|not|don't|don’t)\s+)(?:watch|set|light|book|box|ring|iron|lock|plant|brush|charge)(?=\s+(?:for|up|out|the|my|your|it|me|us|this|that|these|those|to|a|an|aside|back|everything)\b)/gi;

/** A text without the words that only look like names of things. */
export function withoutVerbs(text: string): string {
  return text.replace(AS_VERB, "$1");
}
