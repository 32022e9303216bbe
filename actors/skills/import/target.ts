/** Where an import goes: straight into the store, or through the running node that owns it. */
import type { AdminClient } from "../../../runtime/config/cli.ts";
import type { JsonObject } from "../../../runtime/json.ts";
import type { BackOffice, Settings } from "../backoffice/index.ts";

/** One file on its way: all of it or nothing. */
export interface ImportLoad {
  put(collection: string, record: JsonObject): Promise<void>;
  commit(settings?: Partial<Settings>): Promise<number>;
  discard(): Promise<void>;
}
export interface ImportTarget {
  begin(dataset: string): Promise<ImportLoad>;
}

export function storeTarget(office: BackOffice): ImportTarget {
  return {
    async begin(dataset) {
      const load = await office.use(dataset).load();
      return {
        put: (collection, record) => load.put(collection, record),
        commit: (settings) => load.commit({ settings, origin: "imported" }),
        discard: () => load.discard(),
      };
    },
  };
}

/** Records in one request. */
const CHUNK = 200;
export const IMPORT_PATH = "/v1/admin/import";

export function adminTarget(client: AdminClient): ImportTarget {
  return {
    async begin(dataset) {
      let load: string | undefined;
      let waiting: { collection: string; record: JsonObject }[] = [];
      const send = async (last: boolean, settings?: Partial<Settings>) => {
        const records = waiting;
        waiting = [];
        const answer = await client.post<{ load: string; records: number }>(IMPORT_PATH, {
          dataset,
          ...(load ? { load } : {}),
          records,
          last,
          ...(settings ? { settings } : {}),
        });
        load = answer.load;
        return answer.records;
      };
      return {
        async put(collection, record) {
          waiting.push({ collection, record });
          if (waiting.length >= CHUNK) await send(false);
        },
        commit: (settings) => send(true, settings),
        async discard() {
          waiting = [];
          if (load) await client.delete(`${IMPORT_PATH}/${load}`);
        },
      };
    },
  };
}
