/** sendLatencyFaultEnable: a broker that was slow or failed is passed over for its time, and used when there is no other. */
import { describe, expect, test } from "bun:test";
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, Producer, type ProducerOptions } from "../../core/client/mod.ts";
import { QueueSelection } from "../../core/client/queue_selection.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Answer, fakeServer, frameOf } from "./fake_server.ts";

const NAMES = ["a", "b", "c"] as const;
const queuesOf = (...brokerNames: readonly string[]) =>
  brokerNames.flatMap((brokerName) => [0, 1].map((queueId) => ({ topic: "T", brokerName, queueId })));
const ALL = queuesOf(...NAMES);

/** The brokers of as many choices as there are queues, twice over. */
const chosen = (selection: QueueSelection, queues = ALL, last?: string) =>
  new Set(Array.from({ length: 2 * queues.length }, () => selection.select(queues, last).brokerName));

function selectionOf(sim: SimRuntime, enabled = true): QueueSelection {
  return new QueueSelection(sim.clock, sim.random, enabled);
}

describe("a choice", () => {
  test("goes round all queues, one after the other", () => {
    const selection = selectionOf(simRuntime());
    const first = ALL.map(() => selection.select(ALL, undefined));
    expect(new Set(first).size).toBe(ALL.length);
    expect(ALL.map(() => selection.select(ALL, undefined))).toEqual(first);
  });

  test("is not of the broker where the last try failed, unless it is alone", () => {
    const selection = selectionOf(simRuntime(), false);
    expect([...chosen(selection, ALL, "b")].sort()).toEqual(["a", "c"]);
    expect([...chosen(selection, queuesOf("b"), "b")]).toEqual(["b"]);
  });

  // What MQFaultStrategy of Java's client has: latencyMax and notAvailableDuration.
  test.each([
    [549, 0],
    [550, 2_000],
    [1_799, 2_000],
    [1_800, 5_000],
    [3_000, 6_000],
    [5_000, 10_000],
    [14_999, 10_000],
    [15_000, 30_000],
    [100_000, 30_000],
  ])("is not of a broker that took %i ms, for %i ms", async (tookMs, forMs) => {
    const sim = simRuntime();
    const selection = selectionOf(sim);
    const startedAt = sim.clock.monotonic();
    await sim.clock.advance(tookMs);
    selection.learn("b", startedAt, false);
    if (forMs > 0) {
      expect([...chosen(selection)].sort()).toEqual(["a", "c"]);
      await sim.clock.advance(forMs - 1);
      expect(chosen(selection).has("b")).toBe(false);
      await sim.clock.advance(1);
    }
    expect([...chosen(selection)].sort()).toEqual([...NAMES]);
  });

  test("is not of a broker that failed, for 10 s however quick it was, or until it is quick again", async () => {
    const sim = simRuntime();
    const selection = selectionOf(sim);
    selection.learn("b", sim.clock.monotonic(), true);
    await sim.clock.advance(9_999);
    expect(chosen(selection).has("b")).toBe(false);
    await sim.clock.advance(1);
    expect(chosen(selection).has("b")).toBe(true);
    selection.learn("b", sim.clock.monotonic(), true);
    expect(chosen(selection).has("b")).toBe(false);
    selection.learn("b", sim.clock.monotonic(), false);
    expect(chosen(selection).has("b")).toBe(true);
  });

  test("is of one that is passed over when no other is left, and then not of the one that failed just now", () => {
    const sim = simRuntime();
    const selection = selectionOf(sim);
    for (const name of NAMES) selection.learn(name, sim.clock.monotonic(), true);
    expect([...chosen(selection)].sort()).toEqual([...NAMES]);
    expect([...chosen(selection, ALL, "a")].sort()).toEqual(["b", "c"]);
    expect([...chosen(selection, queuesOf("a"), "a")]).toEqual(["a"]);
  });

  test("forgets nobody where the option is off", () => {
    const sim = simRuntime();
    const selection = selectionOf(sim, false);
    selection.learn("b", sim.clock.monotonic(), true);
    expect([...chosen(selection)].sort()).toEqual([...NAMES]);
  });

  test("does not mind a wall clock that is set", async () => {
    const sim = simRuntime();
    const selection = selectionOf(sim);
    selection.learn("b", sim.clock.monotonic(), true);
    sim.clock.jump(86_400_000);
    expect(chosen(selection).has("b")).toBe(false);
    sim.clock.jump(-2 * 86_400_000);
    await sim.clock.advance(10_000);
    expect(chosen(selection).has("b")).toBe(true);
  });
});

const stored: Answer = (socket, request) =>
  socket.write(frameOf(request, { extFields: { msgId: "id", queueId: "0", queueOffset: "5" } }));
const busy: Answer = (socket, request) => socket.write(frameOf(request, { code: ResponseCode.SYSTEM_BUSY, remark: "busy" }));

interface Brokers {
  readonly sim: SimRuntime;
  /** From now on. */
  readonly answers: Map<string, Answer>;
  /** `count` messages, one after the other. @returns who was asked, sorted */
  readonly send: (count: number) => Promise<readonly string[]>;
}

/** A producer of topic T, which has one queue at each of `names`. */
async function withBrokers(
  names: readonly string[],
  options: Partial<ProducerOptions>,
  body: (brokers: Brokers) => Promise<void>,
): Promise<void> {
  const sim = simRuntime();
  const asked: string[] = [];
  const answers = new Map<string, Answer>();
  const brokers = new Map<string, string>();
  for (const name of names) {
    const onSend: Answer = (socket, request) => {
      asked.push(name);
      (answers.get(name) ?? stored)(socket, request);
    };
    brokers.set(name, (await fakeServer(sim, { onSend, brokers })).address);
  }
  const client = new ClientInstance({ runtime: sim, namesrvAddr: brokers.get("a") as string });
  const producer = new Producer(client, { producerGroup: "pg", ...options });
  const send = async (count: number) => {
    asked.length = 0;
    for (let i = 0; i < count; i++) await sim.clock.resolve(producer.send({ topic: "T", body: "x" }));
    return asked.toSorted();
  };
  try {
    await send(names.length);
    await body({ sim, answers, send });
  } finally {
    await sim.clock.resolve(client.close());
  }
}

describe("a producer with sendLatencyFaultEnable", () => {
  const options = { sendLatencyFaultEnable: true };

  test("passes over a broker that was slow, for its time", () =>
    withBrokers(NAMES, options, async ({ sim, answers, send }) => {
      answers.set("b", (socket, request) => void sim.clock.setTimeout(() => stored(socket, request), 1_000));
      expect(await send(3)).toContain("b");
      answers.delete("b");
      expect(await send(6)).not.toContain("b");
      await sim.clock.advance(2_000);
      expect(await send(3)).toEqual([...NAMES]);
    }));

  test("passes over a broker that refused, for 10 s; the message goes to another at once", () =>
    withBrokers(NAMES, options, async ({ sim, answers, send }) => {
      answers.set("b", busy);
      // Three messages, and a try more.
      expect((await send(3)).length).toBe(4);
      expect(await send(6)).not.toContain("b");
      await sim.clock.advance(10_000);
      expect(await send(3)).toContain("b");
    }));

  test("goes on with the only broker there is, however slow it is", () =>
    withBrokers(["a"], options, async ({ sim, answers, send }) => {
      answers.set("a", (socket, request) => void sim.clock.setTimeout(() => stored(socket, request), 2_000));
      expect(await send(3)).toEqual(["a", "a", "a"]);
    }));

  test("which is not on where it is not set: a slow broker has its turn", () =>
    withBrokers(NAMES, {}, async ({ sim, answers, send }) => {
      answers.set("b", (socket, request) => void sim.clock.setTimeout(() => stored(socket, request), 1_000));
      expect(await send(6)).toEqual(["a", "a", "b", "b", "c", "c"]);
    }));
});
