/** JetStream's object store, which keeps a value in pieces and so of any size, over a connection of its own. */
import { connect } from "nats";

export interface ObjectStoreOptions {
  readonly url: string;
  readonly user: string;
  readonly pass: string;
  readonly bucket: string;
}

export interface ObjectStore {
  /** Replaces what was there. */
  put(name: string, data: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

export async function openObjectStore({ url, user, pass, bucket }: ObjectStoreOptions): Promise<ObjectStore> {
  const connection = await connect({ servers: url, user, pass, noAsyncTraces: true });
  const store = await connection.jetstream().views.os(bucket);
  return {
    put: async (name, data) => void (await store.putBlob({ name }, data)),
    get: async (name) => (await store.getBlob(name)) ?? undefined,
    close: () => connection.close(),
  };
}
