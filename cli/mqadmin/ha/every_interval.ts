/** Commands that go on until they are stopped, when they are given an interval. */
import type { CommandContext } from "../context.ts";
import { optional } from "../declaration.ts";
import { integer } from "../values.ts";

export const INTERVAL = optional("i", "the interval(second) of get info");

/** Once, or again and again. @returns what `round` found, when it is run once; else each is emitted */
export async function everyInterval<T>(
  context: CommandContext,
  interval: string | undefined,
  round: () => Promise<T>,
): Promise<T | undefined> {
  if (interval === undefined) return await round();
  const seconds = integer(interval, "interval", 1);
  for (;;) {
    context.output.emit(await round());
    await context.sleep(seconds * 1000);
  }
}
