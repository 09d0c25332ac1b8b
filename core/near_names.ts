/** Which known name somebody meant who wrote one that nobody knows: for errors and warnings. */

/** Names shorter than this differ in one letter by chance. */
const SHORT_NAME = 4;
/** One letter that differs for so many; two at most. */
const LETTERS_AN_EDIT = 6;
const EDITS_MAX = 2;

/**
 * The nearest of `names`, upper and lower case being one: at most two letters left out, put in, changed or swapped with their
 * neighbour, one in a name below twelve. Undefined when none is near; of two as near, the first.
 */
export function nearestName(name: string, names: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  if (wanted.length < SHORT_NAME) return undefined;
  const allowed = Math.min(EDITS_MAX, Math.max(1, Math.floor(wanted.length / LETTERS_AN_EDIT)));
  let nearest: string | undefined;
  let fewest = allowed + 1;
  for (const each of names) {
    // What differs more in length needs more edits: a name of a megabyte is compared with nothing.
    if (Math.abs(each.length - wanted.length) >= fewest) continue;
    const edits = editsBetween(wanted, each.toLowerCase());
    if (edits < fewest) [nearest, fewest] = [each, edits];
  }
  return nearest;
}

/** Letters left out, put in, changed, or swapped with their neighbour, that lead from `a` to `b`. */
function editsBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + (same ? 0 : 1),
        swapped ? (before[j - 2] as number) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [before, last] = [last, row];
  }
  return last[b.length] as number;
}
