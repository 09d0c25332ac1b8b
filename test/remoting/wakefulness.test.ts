/** When the event loop stays awake for the next request of a sender that waits for each answer. */
import { describe, expect, test } from "bun:test";
import { Wakefulness } from "../../core/remoting/wakefulness.ts";

const ROW = 16;
/** 256 that say nothing yet, and 512 that are compared. */
const TRIAL = 256 + 512;
const HOLDING = 16_384;

/** A sender whose next request comes so many ms after the last: the loop slept, or was awake. */
class Sender {
  now = 1000;
  ms = 0.2;
  awake = false;
  /** Which it uses by turns. */
  connections: readonly object[] = [{}];
  /** For how long, of each time that the loop was kept awake. */
  readonly kept: number[] = [];
  readonly wakefulness = new Wakefulness(
    {
      stayAwake: (ms) => {
        this.kept.push(ms);
        this.awake = true;
      },
    },
    () => this.ms,
  );

  /** @returns how many of `count` requests left the loop awake */
  sends(count: number, asleepMs: number, awakeMs: number, requests = 1): number {
    const before = this.kept.length;
    for (let i = 0; i < count; i++) {
      this.now += this.awake ? awakeMs : asleepMs;
      this.awake = false;
      this.wakefulness.took(this.connections[i % this.connections.length] as object, requests, this.now);
    }
    return this.kept.length - before;
  }
}

describe("one who waits for each answer", () => {
  test("is tried without and with it; where it is a good deal faster it is kept, and tried again after a while", () => {
    const sender = new Sender();
    expect(sender.sends(1 + ROW + TRIAL - 1, 0.2, 0.14)).toBe(0);
    // The last request of a trial is the first of what comes next.
    expect(sender.sends(TRIAL, 0.2, 0.14)).toBe(TRIAL);
    expect(sender.sends(HOLDING, 0.2, 0.14)).toBe(HOLDING);
    expect(sender.sends(TRIAL, 0.2, 0.14)).toBe(0);
    expect(sender.sends(TRIAL + HOLDING, 0.2, 0.14)).toBe(TRIAL + HOLDING);
    expect(new Set(sender.kept)).toEqual(new Set([0.2]));
  });

  test.each([
    ["as fast", 0.2],
    ["a little faster", 0.185],
    ["slower, since somebody else wants the core", 0.4],
  ])("sleeps where it is %s awake", (_name, awakeMs) => {
    const sender = new Sender();
    expect(sender.sends(ROW + 2 * TRIAL, 0.2, awakeMs)).toBe(TRIAL);
    expect(sender.sends(HOLDING, 0.2, awakeMs)).toBe(0);
    // And is tried again: the machine may have become free.
    expect(sender.sends(2 * TRIAL, 0.2, 0.1)).toBe(TRIAL);
    expect(sender.sends(HOLDING, 0.2, 0.1)).toBe(HOLDING);
  });

  test("is not judged by what comes right after a change, while the system finds its cores", () => {
    const sender = new Sender();
    sender.sends(ROW + TRIAL, 0.2, 0.14);
    sender.sends(255, 0.2, 0.9);
    sender.sends(TRIAL - 255, 0.2, 0.14);
    expect(sender.sends(HOLDING, 0.2, 0.14)).toBe(HOLDING);
  });

  test("is left alone when the key says 0, from then on", () => {
    const sender = new Sender();
    sender.sends(ROW + 2 * TRIAL + 10, 0.2, 0.1);
    expect(sender.sends(10, 0.2, 0.1)).toBe(10);
    sender.ms = 0;
    expect(sender.sends(100, 0.2, 0.1)).toBe(0);
    sender.ms = 0.1;
    expect(sender.sends(10, 0.2, 0.1)).toBe(10);
    expect(sender.kept.at(-1)).toBe(0.1);
  });

  test("and pauses: after a pause it takes a row of requests to be known again", () => {
    const sender = new Sender();
    sender.sends(ROW + 2 * TRIAL + 10, 0.2, 0.1);
    sender.now += 1000;
    expect(sender.sends(ROW + 1, 0.2, 0.1)).toBe(0);
    expect(sender.sends(10, 0.2, 0.1)).toBe(10);
  });
});

describe("the loop sleeps", () => {
  test("between requests that come together", () => {
    expect(new Sender().sends(1000, 0.2, 0.1, 2)).toBe(0);
  });

  test("between requests that come seldom", () => {
    expect(new Sender().sends(1000, 1.5, 1.2)).toBe(0);
  });

  test("between requests of several by turns", () => {
    const sender = new Sender();
    sender.connections = [{}, {}];
    expect(sender.sends(10_000, 0.2, 0.1)).toBe(0);
  });

  test("between requests that come alone and together by turns", () => {
    const sender = new Sender();
    for (let i = 0; i < 200; i++) {
      expect(sender.sends(ROW - 1, 0.2, 0.1)).toBe(0);
      expect(sender.sends(1, 0.2, 0.1, 3)).toBe(0);
    }
  });
});
