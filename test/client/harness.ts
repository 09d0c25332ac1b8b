/** An embedded broker for the client's tests, and small helpers. */
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { type BrokerSettingsInput, type RocketMQ, startRocketMQ } from "../../mod.ts";

/** Runs `body` against a nameserver and a broker in memory, and closes both and all clients, whatever happens. */
export async function withRocketMQ(body: (rocketmq: RocketMQ) => Promise<void>, broker: BrokerSettingsInput = {}): Promise<void> {
  const rocketmq = await startRocketMQ({ broker });
  try {
    await body(rocketmq);
  } finally {
    await rocketmq.close();
  }
}

/** The same on the simulator's clock, which stands still until the test moves it: `until` moves it, as far as it must. @param listen on its network, whose faults count then */
export async function withSimulated(
  body: (rocketmq: RocketMQ, sim: SimRuntime) => Promise<void>,
  broker: BrokerSettingsInput = {},
  listen = false,
): Promise<void> {
  const sim = simRuntime();
  const running = <T>(promise: Promise<T>) => moving(sim, promise);
  const rocketmq = await running(startRocketMQ({ broker, runtime: sim, listen }));
  try {
    await running(body(rocketmq, sim));
  } finally {
    await running(rocketmq.close());
  }
}

/** Moves time until `promise` settles, an hour at most. */
export async function moving<T>(sim: SimRuntime, promise: Promise<T>): Promise<T> {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  try {
    await sim.clock.until(() => settled, 3_600_000);
  } catch (fault) {
    // When all is closed no timer is left to move to, and what settles last may need a turn more.
    await sim.clock.settle();
    if (!settled) throw fault;
  }
  return promise;
}

export function deferred<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Collects what it is given; `until(count)` settles when so many are there. */
export class Collector<T> {
  readonly items: T[] = [];
  readonly #waiting: { count: number; resolve: () => void }[] = [];

  readonly add = (item: T): void => {
    this.items.push(item);
    for (const { count, resolve } of this.#waiting) if (this.items.length >= count) resolve();
  };

  until(count: number): Promise<void> {
    if (this.items.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}

/** The error that `promise` is rejected with. */
export const rejection = (promise: Promise<unknown>): Promise<Error & { kind?: string; responseCode?: number }> =>
  promise.then(
    () => {
      throw new Error("it was not rejected");
    },
    (fault: Error) => fault,
  );
