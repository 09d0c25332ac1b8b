/** A promise of the product that a simulated run has seen broken. */
export class SimFailure extends Error {}

/** @throws SimFailure with both values */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new SimFailure(`${what}: expected ${b}, found ${a}`);
}

export function must(holds: boolean, what: () => string): void {
  if (!holds) throw new SimFailure(what());
}
