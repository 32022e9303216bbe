/** Identifiers. Derived ids (uuid v5) make a repeated fold produce the same records, so that repetition is harmless. */
import { v5, v7 } from "uuid";

/** Namespace of all derived ids. Part of the stored data: never change it. */
const NAMESPACE = "8f0e6a52-3d0b-5a5c-9d0f-6b61696c6977";

/** A fresh, time-ordered id. Only at the edge, where something enters from outside. */
export function newId(): string {
  return v7();
}

/** The id that follows from its parts, for ever the same: `derivedId(record.id, "outbox", 3)`. */
export function derivedId(...parts: readonly (string | number)[]): string {
  return v5(parts.join("\u0000"), NAMESPACE);
}
