/** Steps with a line of progress each; they say what was tried when they fail. Everything goes to stderr. */

const terminal = process.stderr.isTTY === true && !process.env.NO_COLOR;
const paint = (code) => (text) => (terminal ? `\u001b[${code}m${text}\u001b[0m` : text);
export const green = paint(32);
export const red = paint(31);
export const dim = paint(2);

/** A step that cannot be done here: what was tried, and what a person can do. */
export class SetupError extends Error {
  /**
   * @param {string} message what failed
   * @param {readonly string[]} tried each thing that was tried, with how it ended
   * @param {string} byHand what to do
   */
  constructor(message, tried, byHand) {
    super(message);
    this.name = "SetupError";
    this.tried = tried;
    this.byHand = byHand;
  }
}

/**
 * Runs one step. `work` answers `{ skipped: true }` when there was nothing to do, and may answer a `note`.
 * @param {string} title
 * @param {(say: (text: string) => void) => Promise<{skipped?: boolean, note?: string} | undefined>} work
 */
export async function step(title, work) {
  const started = performance.now();
  const say = (text) => {
    if (terminal) process.stderr.write(`\r\u001b[2K  ${dim("…")} ${title}: ${dim(text)}`.slice(0, 200));
    else process.stderr.write(`  … ${title}: ${text}\n`);
  };
  if (terminal) process.stderr.write(`  ${dim("…")} ${title}`);
  try {
    const { skipped = false, note = "" } = (await work(say)) ?? {};
    const took = (performance.now() - started) / 1000;
    const end = skipped ? dim("ready") : `done in ${took.toFixed(1)} s`;
    if (terminal) process.stderr.write("\r\u001b[2K");
    // What was ready is not worth a line in a log.
    if (terminal || !skipped)
      process.stderr.write(`  ${green("✓")} ${title}: ${end}${note ? dim(`, ${note}`) : ""}\n`);
  } catch (error) {
    if (terminal) process.stderr.write("\r\u001b[2K");
    process.stderr.write(`  ${red("✗")} ${title}\n`);
    throw error;
  }
}

/** Prints why set-up ended. */
export function explain(error) {
  process.stderr.write(`\n${red("error:")} ${error.message}\n`);
  if (error.tried?.length) process.stderr.write(`tried:\n${error.tried.map((t) => `  - ${t}\n`).join("")}`);
  if (error.byHand) process.stderr.write(`by hand: ${error.byHand}\n`);
  if (!(error instanceof SetupError) && error.stack) process.stderr.write(`${dim(error.stack)}\n`);
}
