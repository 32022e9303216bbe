/** The configuration as text for people. */
import { stringify } from "yaml";
import { type Leaf, leaves } from "./leaves.ts";
import { getAt, type LoadedConfig } from "./load.ts";

export const MASK = "********";

/** `nats://desk:secret@host` and `nats://token@host` → the same with the mask. */
function maskAddress(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)([^@/,\s]*)@/gi, (_all, scheme: string, who: string) => {
    const colon = who.indexOf(":");
    return `${scheme}${colon > 0 ? `${who.slice(0, colon)}:` : ""}${MASK}@`;
  });
}

/** The configuration as plain data, with every secret that is set replaced by a mask. */
export function maskSecrets(loaded: LoadedConfig): Record<string, unknown> {
  const copy = structuredClone(loaded.config) as unknown as Record<string, unknown>;
  for (const leaf of leaves) {
    const value = getAt(copy, leaf.path);
    if (value === undefined) continue;
    const parent = getAt(copy, leaf.path.slice(0, -1)) as Record<string, unknown>;
    if (leaf.secret) parent[leaf.path.at(-1)!] = MASK;
    else if (typeof value === "string") parent[leaf.path.at(-1)!] = maskAddress(value);
  }
  return copy;
}

/**
 * YAML with where each setting came from. `effective` has every setting, defaults too; otherwise only what was set.
 * What has no value is a comment, so that the text can be used as a file.
 */
export function printConfig(loaded: LoadedConfig, effective: boolean): string {
  const masked = maskSecrets(loaded);
  const lines: string[] = [];
  let open: readonly string[] = [];
  for (const leaf of leaves) {
    const source = loaded.sources.get(leaf.path.join("."));
    if (!effective && !source) continue;
    const sections = leaf.path.slice(0, -1);
    for (let depth = 0; depth < sections.length; depth++) {
      if (open.slice(0, depth + 1).join(".") === sections.slice(0, depth + 1).join(".")) continue;
      // A section without settings is none.
      const own = sections.slice(0, depth + 1);
      const said = leaves.some(({ path }) => isBelow(path, own) && getAt(masked, path) !== undefined);
      lines.push(`${"  ".repeat(depth)}${said ? "" : "# "}${sections[depth]}:`);
    }
    open = sections;
    lines.push(
      `${"  ".repeat(sections.length)}${setting(leaf, getAt(masked, leaf.path))}${source ? `  # ${source}` : ""}`,
    );
  }
  return lines.length > 0 ? `${lines.join("\n")}\n` : "# everything is at its default\n";
}

function isBelow(path: readonly string[], section: readonly string[]): boolean {
  return section.every((word, i) => path[i] === word);
}

function setting(leaf: Leaf, value: unknown): string {
  const key = leaf.path.at(-1)!;
  if (value === undefined) return `# ${key}: not set`;
  return `${key}: ${typeof value === "object" ? JSON.stringify(value) : stringify(value).trim()}`;
}
