/** Sealing of personal data under a data subject's key (invariant L12), as the log and the host use it. */
export interface Sealer {
  /** Nonce, ciphertext and tag in one buffer. `aad` binds it to its place: record id and addressee. */
  seal(plain: Uint8Array, aad: string): Buffer;
  /** @throws SealError when it was tampered with or belongs elsewhere. */
  open(sealed: Uint8Array, aad: string): Buffer;
}

export interface KeyRing {
  /** The sealer of a data subject (an address's key), from the cache. */
  cached(key: string): Sealer | undefined;
  /** The same, fetched or (when `create`) made. Undefined when the key does not exist or was destroyed. */
  sealer(key: string, options?: { create?: boolean }): Promise<Sealer | undefined>;
  /** Wraps the key of `key` under that of `parent`: destroying the parent destroys both. */
  wrapUnder(key: string, parent: string): Promise<void>;
  /** Destroys a key everywhere; nodes drop it on a broadcast, at the latest after 60 s. */
  destroy(key: string): Promise<void>;
  /** HMAC-SHA-256 under the workspace key, base64url of 16 bytes: a valid address token. */
  keyedHash(purpose: string, value: string): string;
}
