/** How a command fails, and what the process then ends with. */

/** Exit codes. Apache's ends with 0 whatever happened, but for a mistake in the options (1), which is 1 here, too. */
export const EXIT = { ok: 0, usage: 1, failed: 2, unreachable: 3, partly: 4 } as const;

/** The command line can't be served as it is written. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Some servers did what they were to do, and others did not: what is left of the command was not begun. */
export class PartlyDone extends Error {
  override readonly name = "PartlyDone";
  readonly done: readonly string[];
  readonly failed: readonly { readonly address: string; readonly error: string }[];

  constructor(done: readonly string[], failed: PartlyDone["failed"]) {
    super(
      `Done at ${done.join(", ")}, not at ${failed.map(({ address }) => address).join(", ")}: ${failed.map(({ error }) => error).join("; ")}`,
    );
    this.done = done;
    this.failed = failed;
  }
}

/** What was asked for can't be done, or is not there; the message is a sentence for a person. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
