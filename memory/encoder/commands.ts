/** `models list|pull|add|verify`: the encoders on this machine. */
import type { Command } from "commander";
import type { CliEnv } from "../../runtime/config/cli.ts";

export function modelCommands(parent: Command, env: CliEnv): void {
  parent
    .command("list")
    .description("the encoders that are on this machine")
    .action(async () => {
      const { encoderOptions } = await import("./encoder.ts");
      const { modelsIn } = await import("./model-folder.ts");
      const { modelsDir, model } = encoderOptions(env.config().encoder);
      const models = await modelsIn(modelsDir);
      env.out({ folder: modelsDir, models, inUse: model }, () =>
        models.length === 0
          ? `no encoder in ${modelsDir}: npm run setup prepares the built-in one`
          : models.map((name) => `${name}${name === model ? env.colors.green(" (in use)") : ""}`).join("\n"),
      );
    });

  parent
    .command("pull")
    .description("fetch an encoder from a hub")
    .argument("<model>", "owner/name, such as Xenova/all-MiniLM-L6-v2")
    .option("--quantized", "the small weights: a quarter of the size, slightly less exact")
    .option("--revision <name>", "branch, tag or commit", "main")
    .option("--hub <url>", "where to fetch from (https://huggingface.co)")
    .action(async (model: string, options: { quantized?: boolean; revision: string; hub?: string }) => {
      const { encoderOptions, openEncoder } = await import("./encoder.ts");
      const { pullModel } = await import("./pull.ts");
      const { modelsDir } = encoderOptions(env.config().encoder);
      const progress = env.progress(`pulling ${model}`);
      const folder = await pullModel({
        ...options,
        modelsDir,
        model,
        signal: env.signal(),
        progress: (file, bytes, all) => progress.update(`${file} (KiB)`, bytes >> 10, all && all >> 10),
      });
      progress.update("trying it");
      const encoder = await openEncoder({ modelsDir, model });
      await encoder.close();
      progress.end();
      const { id, dimension } = encoder;
      env.out(
        { model, folder, id, dimension },
        `${model} is in ${folder} (${dimension} dimensions).\nUse it with this in bailiwick.yaml:\n\nencoder:\n  model: ${model}`,
      );
    });

  parent
    .command("add")
    .description("take over an encoder's folder that was brought by hand")
    .argument("<folder>", "with config.json, tokenizer.json, tokenizer_config.json and onnx/model.onnx")
    .option("--name <name>", "what it is called then; its own name by default")
    .option("--force", "replace one of that name")
    .action(async (from: string, options: { name?: string; force?: boolean }) => {
      const { encoderOptions } = await import("./encoder.ts");
      const { addModel } = await import("./add.ts");
      const { modelsDir } = encoderOptions(env.config().encoder);
      const { model } = await addModel({ modelsDir, from, ...options });
      await verify(modelsDir, model, `\nUse it with this in bailiwick.yaml:\n\nencoder:\n  model: ${model}`);
    });

  parent
    .command("verify")
    .description("whether an encoder's files are whole, and whether it can tell what is alike")
    .argument("[model]", "the one in use by default")
    .action(async (name?: string) => {
      const { encoderOptions } = await import("./encoder.ts");
      const { modelsDir, model } = encoderOptions({
        ...env.config().encoder,
        ...(name ? { model: name } : {}),
      });
      await verify(modelsDir, model!);
    });

  async function verify(modelsDir: string, model: string, more = ""): Promise<void> {
    const { checkModel } = await import("./model-check.ts");
    const check = await checkModel(modelsDir, model);
    const { folder, dimension, compared, msAText, alike, unlike, problems } = check;
    const files = compared === 0 ? "no checksums were noted" : `${compared} files compared`;
    env.out(check, () =>
      [
        `${model} in ${folder}: ${dimension} dimensions, ${files}, ${msAText.toFixed(1)} ms a short text`,
        `alike ${alike.toFixed(2)}, unlike ${unlike.toFixed(2)}`,
        ...problems.map((problem) => env.colors.red(problem)),
        ...(problems.length === 0 ? [env.colors.green("it is whole and encodes"), more].filter(Boolean) : []),
      ].join("\n"),
    );
    if (problems.length > 0) env.fail();
  }
}
