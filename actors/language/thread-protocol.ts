/** What the desk and the thread of its language agent say to each other: plain data only. */
import type { MessagePort } from "node:worker_threads";
import type { EncoderFacts } from "../../memory/encoder/index.ts";
import type { JsonObject } from "../../runtime/json.ts";
import type { LanguageOptions } from "./service.ts";

/** What the thread is started with. The encoder is elsewhere, and is asked over the port. */
export interface ThreadSettings {
  readonly options: Omit<LanguageOptions, "encoder">;
  readonly encoder: EncoderFacts;
  readonly port: MessagePort;
}

export type ToThread =
  | { readonly kind: "ask"; readonly id: number; readonly operation: string; readonly input: JsonObject }
  /** Nobody waits for it any more; it is answered all the same. */
  | { readonly kind: "abort"; readonly id: number };

export type FromThread =
  | { readonly kind: "ready"; readonly health: JsonObject }
  | { readonly kind: "answer"; readonly id: number; readonly value: JsonObject }
  | { readonly kind: "failure"; readonly id: number; readonly error: ThreadFailure }
  | { readonly kind: "health"; readonly health: JsonObject };

/** An error of an operation. Without a code it is a defect, whose words are for the log only. */
export interface ThreadFailure {
  readonly code?: string;
  readonly message: string;
  readonly retryable: boolean;
}
