export {
  type Encoder,
  type EncoderOptions,
  encoderOptions,
  type OpenEncoder,
  openEncoder,
} from "./encoder.ts";
export { EncoderError, type EncoderErrorCode } from "./encoder-error.ts";
export type { Pooling } from "./encoder-protocol.ts";
export { BUILT_IN_MODEL, prepareModel } from "./prepare.ts";
