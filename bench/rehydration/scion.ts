/** The cases of `@scion-scxml/test-framework`: documents with events and the configurations that must come of them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { DependencyError, UsageError } from "../../runtime/config/errors.ts";
import { asset, cacheDir } from "../../runtime/config/paths.ts";

/** One document with its script. */
export interface ScionCase {
  /** Folder and name: `history/history3`. */
  readonly name: string;
  readonly document: string;
  readonly script: ScionScript;
  /** A file beside the document. */
  readonly read: (src: string) => string | undefined;
}

export interface ScionScript {
  /** Ids of the states without children that are active, in any order. */
  readonly initialConfiguration: readonly string[];
  readonly events: readonly {
    /** Time before the event, ms. */
    readonly after?: number;
    readonly event: { readonly name: string; readonly data?: unknown };
    readonly nextConfiguration: readonly string[];
  }[];
}

export interface ScionPackage {
  readonly version: string;
  readonly cases: readonly ScionCase[];
}

const NAME = "@scion-scxml/test-framework";
/** Where it may lie below a folder: unpacked by tar, installed by npm, or the folder itself. */
const PLACES = ["package", join("node_modules", NAME), "."];

/** @throws DependencyError with the command that fetches it, UsageError where a given folder does not hold it */
export function readScion(dir?: string): ScionPackage {
  const from = dir === undefined ? join(cacheDir(), "scion") : resolve(dir);
  const home = PLACES.map((place) => join(from, place)).find((each) =>
    existsSync(join(each, "test", "basic")),
  );
  if (!home) {
    const what = `${from} holds no ${NAME}`;
    if (dir !== undefined) throw new UsageError(`--scion: ${what}; this fetches it: ${fetchCommand(from)}`);
    throw new DependencyError(`${what}, whose cases this bench replays; fetch it: ${fetchCommand(from)}`);
  }
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { version: string };
  const tests = join(home, "test");
  const scripts = (readdirSync(tests, { recursive: true }) as string[]).filter((path) =>
    path.endsWith(".json"),
  );
  return { version, cases: scripts.sort(inOrder).flatMap((path) => readCase(tests, join(tests, path))) };
}

/** Its dependencies are old and many, and the cases need none of them: the archive alone is fetched. */
function fetchCommand(dir: string): string {
  const { devDependencies } = JSON.parse(
    readFileSync(asset("bench", "rehydration", "package.json"), "utf8"),
  ) as {
    devDependencies: Record<string, string>;
  };
  const version = devDependencies[NAME]!;
  const archive = `${NAME.replace("@", "").replace("/", "-")}-${version}.tgz`;
  const near = relative("", dir) || ".";
  const folder = near.startsWith("..") ? dir : near;
  const file = join(folder, archive);
  return `mkdir -p ${folder} && npm pack ${NAME}@${version} --pack-destination ${folder} && tar xzf ${file} -C ${folder}`;
}

function readCase(tests: string, path: string): ScionCase[] {
  const base = path.replace(/\.json$/, "");
  if (!existsSync(`${base}.scxml`)) return [];
  return [
    {
      name: relative(tests, base)
        .replaceAll("\\", "/")
        .replace(/\.txml$/, ""),
      document: readFileSync(`${base}.scxml`, "utf8"),
      script: JSON.parse(readFileSync(path, "utf8")) as ScionScript,
      read: (src) => {
        const file = resolve(dirname(path), src.replace(/^file:/, ""));
        return file.startsWith(tests + sep) && existsSync(file) ? readFileSync(file, "utf8") : undefined;
      },
    },
  ];
}

function inOrder(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
