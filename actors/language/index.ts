/** Language: what a message holds and wants, and whether a reply says only what is known. */
export { ground } from "./grounding.ts";
export { builtIn, type IntentExample, type TrainOptions, trainIntents } from "./intents/index.ts";
export { Masker, type MaskState, unmask } from "./masking.ts";
export { type LanguageOptions, languageService } from "./service.ts";
export { readSignals } from "./signals.ts";
export {
  DEFAULT_ORDER_NUMBERS,
  type OrderFormat,
  type OrderNumberOptions,
  SlotExtractor,
  yesNo,
} from "./slots/index.ts";
export { type LanguageThreadOptions, languageThread } from "./thread.ts";
export type {
  Encoder,
  Entity,
  Fact,
  FactKind,
  GroundInput,
  Grounding,
  Language,
  Request,
  ScoredIntent,
  Signals,
  SlotType,
  UnderstandInput,
  Understanding,
} from "./types.ts";
