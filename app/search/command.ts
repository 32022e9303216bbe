/** What `memory verify` does: it has the desk look, and looks into archives itself. */
import type { CliEnv } from "../../runtime/config/cli.ts";
import { UsageError } from "../../runtime/config/errors.ts";
import { type ArchiveSearch, searchArchive } from "./archives.ts";
import type { Found, Looked } from "./files.ts";
import { needlesOf } from "./needles.ts";
import { LEAST_CHARACTERS, SEARCH_PATH } from "./routes.ts";
import type { OpenedSearch, SearchReport } from "./search.ts";

/** All of a large desk takes a while. */
const TIMEOUT_MS = 3_600_000;

export async function runSearch(env: CliEnv, text: string, archives: readonly string[]): Promise<void> {
  const term = text === "-" ? (await stdin()).trim() : text;
  if (term.length < LEAST_CHARACTERS)
    throw new UsageError(
      `--text: ${LEAST_CHARACTERS} characters at least, of fewer there is something everywhere`,
    );
  const progress = env.progress("memory verify:");
  const signal = env.signal();
  try {
    progress.update("the desk looks through its stores");
    const request = { timeoutMs: TIMEOUT_MS, signal };
    const report = await env.client().post<SearchReport>(SEARCH_PATH, { text: term }, request);
    const searched: ArchiveSearch[] = [];
    for (const file of archives) {
      progress.update(file);
      searched.push(await searchArchive(file, needlesOf(term), env.dataDir(), signal));
    }
    progress.end();
    const inArchives = searched.flatMap(({ found }) => found).reduce((sum, { count }) => sum + count, 0);
    const found = report.found + inArchives;
    env.out({ ...report, archives: searched, found }, () => rendered(env, report, searched, found));
    if (found > 0) env.fail();
  } finally {
    progress.end();
  }
}

async function stdin(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
  return text;
}

function rendered(
  env: CliEnv,
  { opened, files, ms }: SearchReport,
  archives: readonly ArchiveSearch[],
  found: number,
): string {
  const { bold, dim, green, red } = env.colors;
  const count = (n: number): string => (n === 0 ? dim("       -") : red(String(n).padStart(8)));
  const openedRow = ({ store, looked, found: n, places }: OpenedSearch): string[] => [
    `${count(n)}  ${store} ${dim(`(${looked} looked at)`)}`,
    ...places.map((place) => dim(`          ${place}`)),
  ];
  const fileRow = ({ store, files: all, bytes, found: n }: Looked): string =>
    `${count(n)}  ${store} ${dim(`(${all} files, ${(bytes / 1024 / 1024).toFixed(1)} MiB)`)}`;
  const where = ({ path, count: n, forms }: Found): string =>
    `          ${path}: ${n} (${Object.keys(forms).join(", ")})`;
  return [
    bold("as the desk's stores can be read"),
    ...opened.flatMap(openedRow),
    bold("in the files of the data directory"),
    ...files.looked.map(fileRow),
    ...files.found.map(where),
    ...files.unread.map(({ path, why }) => dim(`          ${path} could not be unpacked: ${why}`)),
    ...archives.flatMap((archive) => [
      bold(archive.file),
      ...archive.looked.map(fileRow),
      ...archive.found.map(where),
      ...archive.sealed.map((what) => dim(`          ${what} is sealed with a key that is not here`)),
    ]),
    found === 0 ? green(`it is nowhere (${(ms / 1000).toFixed(1)} s)`) : red(`it was found ${found} times`),
  ].join("\n");
}
