/** How confidence is calibrated depends on the encoder and the calibration set only: computed once, and kept. */
import { createHash } from "node:crypto";
import type { Encoder } from "../encoder/encoder.ts";
import { type Calibration, calibrate, shippedCalibrationSet } from "../retrieval/confidence.ts";
import { key, type MemoryDb } from "../store/database.ts";
import { CUT_VERSION } from "./article-vectors.ts";

/** @param encoder none: for words alone */
export async function keptCalibration(db: MemoryDb, encoder: Encoder | undefined): Promise<Calibration> {
  const set = createHash("sha256")
    .update(JSON.stringify(await shippedCalibrationSet()))
    .digest("hex");
  const at = key("calibration", encoder?.id ?? "words", set.slice(0, 16), CUT_VERSION);
  const known = await db.get(at);
  if (known !== undefined) return JSON.parse(known) as Calibration;
  const fresh = await calibrate(encoder);
  await db.put(at, JSON.stringify(fresh));
  return fresh;
}
