/** How a command fails, and what the process then ends with. */

/** Exit codes. Apache's ends with 0 whatever happened, but for a mistake in the options (1), which is 1 here, too. */
export const EXIT = { ok: 0, usage: 1, failed: 2, unreachable: 3 } as const;

/** The command line can't be served as it is written. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What was asked for can't be done, or is not there; the message is a sentence for a person. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
