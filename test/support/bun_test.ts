/**
 * `bun:test` for Deno and Node: the part of it that our test files use, with Bun's order of hooks and a time-out for each
 * test. Describing collects; `run` (called by `main.ts`) executes one file's tests, one after the other.
 * Not here, and so not to be used in tests: snapshots, mock.module, test.concurrent, done callbacks.
 */
import { format, inspect } from "node:util";

export { expect } from "./bun_expect.ts";

type Body = () => unknown;
// biome-ignore lint/suspicious/noExplicitAny: rows of a table hold whatever the test takes
type EachBody = (...row: any[]) => unknown;
type Options = number | { timeout?: number };

interface Suite {
  readonly name: string;
  readonly parent: Suite | undefined;
  readonly skipped: boolean;
  readonly items: (Suite | Test)[];
  readonly hooks: Record<HookName, Body[]>;
}

interface Test {
  readonly name: string;
  readonly suite: Suite;
  readonly skipped: boolean;
  readonly body: Body;
  readonly timeoutMs: number;
}

type HookName = "beforeAll" | "beforeEach" | "afterEach" | "afterAll";

export interface Failure {
  readonly name: string;
  readonly error: unknown;
}

export interface Result {
  passed: number;
  skipped: number;
  readonly failures: Failure[];
}

/** As the runner gives Bun (`run.mjs`): against a test that hangs; that the machine has other work to do is no failure. */
const DEFAULT_TIMEOUT_MS = 20_000;
const HOOK_TIMEOUT_MS = 30_000;

let current = newSuite("", undefined, false);
let defaultTimeoutMs = DEFAULT_TIMEOUT_MS;
/** What an error outside the test's own promise (a callback, a stray rejection) fails. */
let failRunning: ((error: unknown) => void) | undefined;

export const describe = Object.assign(describeWith(false), {
  skip: describeWith(true),
  skipIf: (condition: boolean) => describeWith(condition),
  if: (condition: boolean) => describeWith(!condition),
  each: eachOf((name: string, body: Body) => describe(name, body)),
});

export const test = Object.assign(testWith(false), {
  skip: testWith(true),
  todo: (name: string) => testWith(true)(name, () => {}),
  skipIf: (condition: boolean) => Object.assign(testWith(condition), { each: eachOf(testWith(condition)) }),
  if: (condition: boolean) => Object.assign(testWith(!condition), { each: eachOf(testWith(!condition)) }),
  each: eachOf(testWith(false)),
});
export const it = test;

export const beforeAll = hook("beforeAll");
export const beforeEach = hook("beforeEach");
export const afterEach = hook("afterEach");
export const afterAll = hook("afterAll");

export function setDefaultTimeout(ms: number): void {
  defaultTimeoutMs = ms;
}

/** Runs what was described since the last call. */
export async function run(): Promise<Result> {
  const suite = current;
  current = newSuite("", undefined, false);
  defaultTimeoutMs = DEFAULT_TIMEOUT_MS;
  const result: Result = { passed: 0, skipped: 0, failures: [] };
  await runSuite(suite, result);
  return result;
}

/** For the process's handlers of uncaught errors. False when no test is running. */
export function failRunningTest(error: unknown): boolean {
  failRunning?.(error);
  return failRunning !== undefined;
}

async function runSuite(suite: Suite, result: Result): Promise<void> {
  const hasWork = somethingToRun(suite);
  try {
    if (hasWork) for (const body of suite.hooks.beforeAll) await within(body, HOOK_TIMEOUT_MS);
  } catch (error) {
    result.failures.push({ name: `${fullName(suite)} (beforeAll)`, error });
    return;
  }
  for (const item of suite.items) {
    if ("items" in item) await runSuite(item, result);
    else await runTest(item, result);
  }
  try {
    if (hasWork) for (const body of suite.hooks.afterAll) await within(body, HOOK_TIMEOUT_MS);
  } catch (error) {
    result.failures.push({ name: `${fullName(suite)} (afterAll)`, error });
  }
}

async function runTest(test: Test, result: Result): Promise<void> {
  if (test.skipped) {
    result.skipped++;
    return;
  }
  const suites: Suite[] = [];
  for (let at: Suite | undefined = test.suite; at !== undefined; at = at.parent) suites.unshift(at);
  const errors: unknown[] = [];
  const attempt = async (body: Body, timeoutMs: number) => {
    try {
      await within(body, timeoutMs);
    } catch (error) {
      errors.push(error);
    }
  };
  for (const suite of suites) for (const body of suite.hooks.beforeEach) await attempt(body, test.timeoutMs);
  if (errors.length === 0) await attempt(test.body, test.timeoutMs);
  for (const suite of suites.reverse()) for (const body of suite.hooks.afterEach) await attempt(body, test.timeoutMs);
  if (errors.length === 0) result.passed++;
  else result.failures.push({ name: fullName(test), error: errors[0] });
}

async function within(body: Body, timeoutMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await new Promise<unknown>((resolve, reject) => {
      failRunning = reject;
      timer = setTimeout(() => reject(new Error(`timed out after ${timeoutMs} ms`)), timeoutMs);
      Promise.resolve().then(body).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    failRunning = undefined;
  }
}

function describeWith(skip: boolean): (name: string, body: Body) => void {
  return (name, body) => {
    const suite = newSuite(name, current, skip || current.skipped);
    current.items.push(suite);
    current = suite;
    try {
      body();
    } finally {
      current = suite.parent!;
    }
  };
}

function testWith(skip: boolean): (name: string, body: Body, options?: Options) => void {
  return (name, body, options) => {
    const timeoutMs = (typeof options === "number" ? options : options?.timeout) ?? defaultTimeoutMs;
    current.items.push({ name, suite: current, skipped: skip || current.skipped, body, timeoutMs });
  };
}

function eachOf(declare: (name: string, body: Body, options?: Options) => void) {
  return (rows: readonly unknown[]) => (name: string, body: EachBody, options?: Options) => {
    rows.forEach((row, index) => {
      const values = Array.isArray(row) ? (row as unknown[]) : [row];
      declare(rowName(name, values, index), () => body(...values), options);
    });
  };
}

/** `%s %d %i %f %j %o %p %#` as in Bun, and `$key` of a row that is an object. */
function rowName(name: string, values: unknown[], index: number): string {
  const [first] = values;
  let text = name.replaceAll("%#", String(index));
  if (typeof first === "object" && first !== null) {
    text = text.replace(/\$(\w+)/g, (all, key: string) => (key in first ? String((first as Record<string, unknown>)[key]) : all));
  }
  const places = text.match(/%[sdifjop]/g)?.length ?? 0;
  return places === 0 ? text : format(text.replaceAll("%p", "%o"), ...values.slice(0, places));
}

function hook(name: HookName): (body: Body) => void {
  return (body) => {
    current.hooks[name].push(body);
  };
}

function newSuite(name: string, parent: Suite | undefined, skipped: boolean): Suite {
  return { name, parent, skipped, items: [], hooks: { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] } };
}

function somethingToRun(suite: Suite): boolean {
  return suite.items.some((item) => ("items" in item ? somethingToRun(item) : !item.skipped));
}

function fullName(item: Suite | Test): string {
  const parent = "suite" in item ? item.suite : item.parent;
  const before = parent === undefined ? "" : fullName(parent);
  return before === "" ? item.name : `${before} > ${item.name}`;
}

export function printable(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? withCauses(error) : inspect(error);
}

function withCauses(error: Error): string {
  // V8 puts the message into the stack; a message that was set later is not in there.
  const text = error.stack!.includes(error.message) ? error.stack! : `${error.message}\n${error.stack}`;
  return error.cause === undefined ? text : `${text}\n  caused by: ${printable(error.cause)}`;
}
