/** Encodes and learns from what is shipped. A desk can do without: it would do it itself at its first start. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cache, root } from "./places.mjs";
import { reason, run } from "./shell.mjs";
import { hashOf, isStamped, stamp, unstamp } from "./stamps.mjs";

const FROM = [
  "dist/app/prepare.js",
  "dist/memory/encoder",
  "dist/memory/knowledge",
  "dist/memory/retrieval",
  "dist/actors/language",
  "dist/actors/playbooks",
  "memory/retrieval/calibration.json",
  "actors/language/intents/builtin.yaml",
  "actors/knowledge/shop",
  "actors/playbooks/shop",
  "node_modules/onnxruntime-node/package.json",
];

export async function prepareShipped(say) {
  const hash = hashOf(FROM);
  const made = ["vectors", "language"].every((folder) => existsSync(join(cache, folder)));
  if (made && isStamped("shipped", hash)) return { skipped: true };
  unstamp("shipped");
  const result = await run(process.execPath, [join(root, "dist/app/prepare.js")], { cwd: root, onLine: say });
  if (result.code !== 0) return { note: `left to the first start: ${reason(result)}` };
  stamp("shipped", hash);
  return {};
}
