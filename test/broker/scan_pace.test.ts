/** How much a pull with a filter looks at, learned from how soon its client comes back. */
import { describe, expect, test } from "bun:test";
import { type PullOf, ScanPace } from "../../core/broker/messages/scan_pace.ts";

const QUICK_ROW = 16;

/** A group whose clients come back `restMs` after each answer. */
class Client {
  readonly #clock: { nowMs: number };
  readonly #pace: ScanPace;
  readonly #pullOf: (queueId: number) => PullOf;

  constructor(clock: { nowMs: number }, pace: ScanPace, group = "G") {
    this.#clock = clock;
    this.#pace = pace;
    this.#pullOf = (queueId) => ({ group, topic: "T", queueId, peer: this });
  }

  /** @returns what the last of `pulls` may look at */
  pull(pulls: number, restMs: (times: number) => number, isCut = true): number {
    let times = 0;
    for (let i = 0; i < pulls; i++) {
      times = this.asked(0);
      this.answered(0, times, isCut);
      this.#clock.nowMs += restMs(times);
    }
    return times;
  }

  asked(queueId: number): number {
    return this.#pace.asked(this.#pullOf(queueId));
  }

  answered(queueId: number, times: number, isCut = true): void {
    this.#pace.answered(this.#pullOf(queueId), times, isCut);
  }
}

function start(): { clock: { nowMs: number }; pace: ScanPace } {
  const clock = { nowMs: 5 };
  return { clock, pace: new ScanPace({ monotonic: () => clock.nowMs }) };
}

const atOnce = () => 1;
/** As a client does that may hold messages 2,000 offsets apart, where one pull looks at 800 times as many. */
const javaByDefault = (times: number) => (times > 2 ? 50 : 1);

describe("what a pull with a filter looks at", () => {
  test("doubles up to eightfold while the clients of the group are back at once", () => {
    const { clock, pace } = start();
    const client = new Client(clock, pace);
    expect(client.pull(QUICK_ROW, atOnce)).toBe(1);
    expect(client.pull(1, atOnce)).toBe(2);
    expect(client.pull(QUICK_ROW, atOnce)).toBe(4);
    expect(client.pull(QUICK_ROW, atOnce)).toBe(8);
    expect(client.pull(10 * QUICK_ROW, atOnce)).toBe(8);
  });

  test("is halved by a client that rests, and tried again a minute later", () => {
    const { clock, pace } = start();
    const client = new Client(clock, pace);
    let rests = 0;
    const counted = (times: number) => {
      if (times > 2) rests++;
      return javaByDefault(times);
    };
    expect(client.pull(1_000, counted)).toBe(2);
    expect(rests).toBe(1);
    expect(client.pull(58_000, counted)).toBe(2);
    expect(rests).toBe(1);
    expect(client.pull(10_000, counted)).toBe(2);
    expect(rests).toBe(2);
    // Away for a while, which is a rest as well.
    clock.nowMs += 1_000;
    expect(client.pull(1, counted)).toBe(1);
    expect(client.pull(100_000, counted)).toBe(2);
    expect(rests).toBe(3);
  });

  test("is halved once when all queues of the group rest after the same answers, however late these came", () => {
    const { clock, pace } = start();
    const client = new Client(clock, pace);
    while (client.pull(1, atOnce) < 4);
    const queues = [1, 2, 3, 4, 5, 6, 7, 8];
    for (const queueId of queues) expect(client.asked(queueId)).toBe(4);
    for (const queueId of queues) {
      client.answered(queueId, 4);
      clock.nowMs += 50;
      expect(client.asked(queueId)).toBe(2);
    }
  });

  test("grows by answers alone that looked at all they might, and is halved by any that is long", () => {
    const { clock, pace } = start();
    const client = new Client(clock, pace);
    expect(client.pull(1_000, atOnce, false)).toBe(1);
    while (client.pull(1, atOnce) < 8);
    expect(client.pull(20, (times) => (times > 2 ? 50 : 1), false)).toBe(2);
  });

  test("says nothing of another client of the group", () => {
    const { clock, pace } = start();
    const [client, other] = [new Client(clock, pace), new Client(clock, pace)];
    while (client.pull(1, atOnce) < 4);
    clock.nowMs += 50;
    // It was the other that was answered.
    expect(other.asked(0)).toBe(4);
    expect(client.asked(0)).toBe(2);
  });

  test("is each group's own, and one queue says nothing of what another was answered before", () => {
    const { clock, pace } = start();
    expect(new Client(clock, pace, "slow").pull(1_000, () => 40)).toBe(1);
    expect(new Client(clock, pace, "fast").pull(1_000, atOnce)).toBe(8);
    expect(new Client(clock, pace, "slow").pull(1, atOnce)).toBe(1);
    // The first pull of a queue was answered nothing.
    expect(new Client(clock, pace, "slow").asked(7)).toBe(1);
  });

  test("is remembered of a thousand groups", () => {
    const { clock, pace } = start();
    const first = new Client(clock, pace, "first");
    expect(first.pull(1_000, atOnce)).toBe(8);
    for (let i = 1; i < 1_000; i++) new Client(clock, pace, `other-${i}`).asked(0);
    expect(first.pull(1, atOnce)).toBe(8);
    new Client(clock, pace, "one too many").asked(0);
    expect(first.pull(1, atOnce)).toBe(1);
  });
});
