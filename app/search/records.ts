/** Records of the back office for a search. It is a system of record: what is erased from memory stays there until it is deleted there. */
import { INDEX } from "../../actors/skills/backoffice/keys.ts";
import type { Row } from "../../runtime/rows.ts";
import type { VisitText } from "../../runtime/texts.ts";

/** Where in its key an entry of an index has the value. */
const INDEXED = 4;

export async function visitRecords(office: { rows(): AsyncIterable<Row> }, visit: VisitText): Promise<void> {
  for await (const [key, value] of office.rows()) {
    // Parts of a key are separated by a character that nobody can read.
    const parts = key.split("\u0000");
    // An entry of an index has a value of a record in its key, which is not to be shown.
    const shown = parts[0] === INDEX ? parts.filter((_, n) => n !== INDEXED) : parts;
    const text = `${parts.join("/")}\n${Buffer.from(value).toString("utf8")}`;
    await visit({ store: "back office", place: shown.join("/"), text });
  }
}
