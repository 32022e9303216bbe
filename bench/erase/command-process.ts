/** A command of `bin/bailiwick` as a process of its own, as a person runs it. */
import { spawn } from "node:child_process";
import { asset } from "../../runtime/config/paths.ts";

/** The JSON that it prints. @throws Error with its words when it ends otherwise than expected */
export async function bailiwick(
  args: readonly string[],
  codes: readonly number[] = [0],
): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [asset("bin", "bailiwick"), "--json", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let words = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-2_000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code === null || !codes.includes(code))
    throw new Error(`bin/bailiwick ${args[0]} ended with ${code}: ${words.trim()}`);
  return JSON.parse(out);
}
