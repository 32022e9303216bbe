/** Errors that a person caused or can mend, each with the exit code that contracts promise. */

/** Wrong usage or invalid input: exit code 2. The message says where, and how to mend it. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
  readonly exitCode = 2;
}

/** Something that the desk needs is missing or down: exit code 3. The message says what, and the command that mends it. */
export class DependencyError extends Error {
  override readonly name: string = "DependencyError";
  readonly exitCode = 3;
}

/** The configuration cannot be used. `problems` has one entry for each thing that is wrong, with its place. */
export class ConfigError extends UsageError {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** Another process has the data directory. */
export class DataDirLockedError extends UsageError {
  override readonly name = "DataDirLockedError";
}
