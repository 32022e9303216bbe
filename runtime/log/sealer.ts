/** Sealing of personal data under a data subject's key (invariant L12), as the log and the host use it. */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomFillSync,
} from "node:crypto";

export interface Sealer {
  /** Nonce, ciphertext and tag in one buffer. `aad` binds it to its place: record id and addressee. */
  seal(plain: Uint8Array, aad: string): Buffer;
  /** @throws SealError when it was tampered with or belongs elsewhere. */
  open(sealed: Uint8Array, aad: string): Buffer;
  /**
   * HMAC-SHA-256 of a content under a key that follows from this one, base64url of 16 bytes: the same content has the same name
   * for this data subject, and nobody else can tell what it is the name of.
   */
  name(plain: Uint8Array): string;
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
  /** Whether a key, or one that it is wrapped under, was destroyed. Never where nothing is known of it. */
  isDestroyed(key: string): Promise<boolean>;
  /** Data subjects whose keys are wrapped under one's and go with it. Looks through all keys: for what is done seldom. */
  under(key: string): Promise<string[]>;
  /** HMAC-SHA-256 under the workspace key, base64url of 16 bytes: a valid address token. */
  keyedHash(purpose: string, value: string): string;
}

/** What was sealed cannot be opened: it was changed, moved to another place, or sealed under another key. */
export class SealError extends Error {
  override readonly name = "SealError";
}

export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What sealing adds to the length of a text. */
export const SEAL_OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES;

/** AES-256-GCM with a random 96-bit nonce. The key is copied; the caller may wipe its own. */
export function aesSealer(key: Uint8Array): Sealer {
  if (key.length !== KEY_BYTES)
    throw new SealError(`a data key has ${KEY_BYTES} bytes, this one has ${key.length}`);
  const secret = createSecretKey(key);
  return {
    seal(plain, aad) {
      const nonce = nextNonce();
      const cipher = createCipheriv("aes-256-gcm", secret, nonce);
      cipher.setAAD(Buffer.from(aad, "utf8"));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, aad) {
      if (sealed.length < SEAL_OVERHEAD_BYTES)
        throw new SealError(`sealed data of ${sealed.length} bytes is cut off`);
      const end = sealed.length - TAG_BYTES;
      const decipher = createDecipheriv("aes-256-gcm", secret, sealed.subarray(0, NONCE_BYTES));
      decipher.setAAD(Buffer.from(aad, "utf8"));
      decipher.setAuthTag(sealed.subarray(end));
      try {
        const plain = decipher.update(sealed.subarray(NONCE_BYTES, end));
        // Checks the tag; in counter mode nothing is left to come.
        decipher.final();
        return plain;
      } catch (error) {
        throw new SealError("sealed data was changed, or belongs to another place or key", { cause: error });
      }
    },
    name(plain) {
      const key = Buffer.from(hkdfSync("sha256", secret, "", "bailiwick/name", KEY_BYTES));
      return createHmac("sha256", key).update(plain).digest().subarray(0, 16).toString("base64url");
    },
  };
}

const pool = Buffer.alloc(NONCE_BYTES * 256);
let used = pool.length;

/** Random bytes are drawn in bulk: one call of the generator costs as much as sealing. */
function nextNonce(): Buffer {
  if (used >= pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += NONCE_BYTES;
  return Buffer.from(pool.subarray(used - NONCE_BYTES, used));
}
