/** What the bench and its nodes say to each other, over the channel of a forked process. */

export interface NodeSettings {
  readonly name: string;
  readonly url: string;
  readonly user: string;
  readonly pass: string;
  readonly dataDir: string;
  readonly ttlMs: number;
}

export type ToNode =
  /** Appends a message, as a gateway does. */
  | { readonly kind: "append"; readonly ref: number; readonly id: string; readonly key: string }
  /** Makes `count` conversations known, numbered from `from`. */
  | { readonly kind: "fill"; readonly ref: number; readonly from: number; readonly count: number }
  /** Follows a conversation, from the replies after a position on. */
  | { readonly kind: "follow"; readonly key: string; readonly after: number }
  | { readonly kind: "unfollow"; readonly key: string }
  /** Which of these conversations this node owns. */
  | { readonly kind: "owned"; readonly ref: number; readonly keys: readonly string[] }
  | { readonly kind: "replies"; readonly ref: number; readonly key: string }
  | { readonly kind: "stop" };

export type FromNode =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly ref: number; readonly value: unknown }
  | { readonly kind: "refused"; readonly ref: number; readonly why: string }
  | { readonly kind: "reply"; readonly key: string; readonly seq: number; readonly to: string };
