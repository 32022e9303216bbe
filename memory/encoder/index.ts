export {
  type Encoder,
  type EncoderOptions,
  encoderOptions,
  keptVectorsDir,
  type OpenEncoder,
  openEncoder,
} from "./encoder.ts";
export { EncoderError, type EncoderErrorCode } from "./encoder-error.ts";
export { type EncoderFacts, encoderOn } from "./encoder-port.ts";
export type { Pooling } from "./encoder-protocol.ts";
export { openSharedEncoder, portTo, type SharedEncoder } from "./encoder-thread.ts";
export { keepVectors } from "./kept-vectors.ts";
export { BUILT_IN_MODEL, prepareModel } from "./prepare.ts";
export { type OpenReranker, openReranker, type Reranker } from "./reranker.ts";
