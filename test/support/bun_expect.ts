/** npm's `expect` with those matchers that Bun has beside Jest's. */
import { inspect } from "node:util";
import { expect } from "expect";

type Check = (received: unknown, ...expected: never[]) => boolean;

const text = (check: (received: string, part: string) => boolean) => (received: unknown, part: string) =>
  typeof received === "string" && check(received, part);

const checks: Record<string, Check> = {
  toStartWith: text((received, part) => received.startsWith(part)),
  toEndWith: text((received, part) => received.endsWith(part)),
  toInclude: text((received, part) => received.includes(part)),
  toBeTrue: (received) => received === true,
  toBeFalse: (received) => received === false,
  toBeNil: (received) => received === null || received === undefined,
  toBeString: (received) => typeof received === "string",
  toBeNumber: (received) => typeof received === "number",
  toBeInteger: (received) => Number.isInteger(received),
  toBeFunction: (received) => typeof received === "function",
  toBeArray: (received) => Array.isArray(received),
  toBeArrayOfSize: (received, size: number) => Array.isArray(received) && received.length === size,
  toBeEmpty: (received) => sizeOf(received) === 0,
  toBeWithin: (received, least: number, beyond: number) => typeof received === "number" && least <= received && received < beyond,
  toBeOneOf: (received, values: readonly unknown[]) => values.includes(received),
  toContainKey: (received, key: string) => isObject(received) && key in received,
  toContainKeys: (received, keys: readonly string[]) => isObject(received) && keys.every((key) => key in received),
};

for (const [name, check] of Object.entries(checks)) {
  expect.extend({
    [name](received: unknown, ...expected: unknown[]) {
      const pass = check(received, ...(expected as never[]));
      const not = pass ? ".not" : "";
      const message = () => `expect(${inspect(received)})${not}.${name}(${expected.map((value) => inspect(value)).join(", ")})`;
      return { pass, message };
    },
  });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (value instanceof Map || value instanceof Set) return value.size;
  return isObject(value) ? Object.keys(value).length : undefined;
}

export { expect };
