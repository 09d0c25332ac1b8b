/** One command that Apache's mqadmin and ours are both run with, and what of their output is to be the same. */

/** Names that stand for what a run has: `{addr}` `{topic}` `{group}` `{producers}` `{clientId}` …, and `{side}`, a or b, for Apache's and ours. */
export type Names = Readonly<Record<string, string>>;

export interface CompareCase {
  /** Without `-n`, which is added. `{name}`s are filled in; a blank separates words. */
  readonly words: string;
  /** Run before each of the two, ours: brings about what the command wants to find. */
  readonly before?: readonly string[];
  /** What may differ: times, rates. Each match counts as `#`. */
  readonly mask?: readonly RegExp[];
  /** Lines in any order: Java prints hash maps. */
  readonly unordered?: true;
  /** Words of a line in any order too: sets within a line. */
  readonly anyWords?: true;
  /** One JSON document; members in any order. */
  readonly json?: true;
  /** The file that the command writes: its JSON is compared too, members in any order. */
  readonly file?: string;
  /** Only lines that match are compared. */
  readonly only?: RegExp;
  /** Whose broker is asked; all, when left out. */
  readonly target?: "apache" | "bun";
  /** The broker's own clock can change the answer between the two: where they differ, both are asked again, up to three times. */
  readonly moves?: true;
  /** The command is expected to fail: both must print nothing of a success, ours says why on standard error, and ends with this. */
  readonly fails?: number;
}

/** Numbers behind blanks, of tables whose numbers move. */
export const NUMBERS = /-?\d+(?:\.\d+)?/g;
export const TIMES = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:,\d{3})?/g;
