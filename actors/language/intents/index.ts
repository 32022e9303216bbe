/** Intents: what a customer wants, with a confidence that can be believed. */
export { calibrationError } from "./calibration.ts";
export { IntentClassifier, type Prediction, TrainingError } from "./classifier.ts";
export { IntentReader, type ReaderOptions, type Reading } from "./reader.ts";
export { builtIn, type IntentExample, OUTSIDE, type TrainOptions, trainIntents } from "./training.ts";
