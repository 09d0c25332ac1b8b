/** What every adapter's clock does. Real clocks are given milliseconds here, and no upper bounds: machines can be busy. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Clock, Socket } from "../../core/runtime.ts";
import { ADAPTERS, type Started } from "./adapters.ts";

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))("the clock of %s", (_name, adapter) => {
  let it: Started;
  let clock: Clock;

  beforeEach(() => {
    it = adapter.start();
    clock = it.runtime.clock;
  });
  afterEach(() => it.stop());

  const after = (ms: number) => it.wait(new Promise<void>((resolve) => void clock.setTimeout(resolve, ms)));
  const afterTurn = () => it.wait(new Promise<void>((resolve) => clock.afterTurn(resolve)));

  test("tells milliseconds since 1970, and a monotonic time that goes on", async () => {
    expect(clock.now()).toBeGreaterThan(Date.UTC(2025, 0));
    expect(Number.isInteger(clock.now())).toBe(true);
    const [now, monotonic] = [clock.now(), clock.monotonic()];
    await after(20);
    // A timer of 20 ms may come a fraction early.
    expect(clock.monotonic() - monotonic).toBeGreaterThanOrEqual(19);
    expect(clock.now() - now).toBeGreaterThanOrEqual(18);
  });

  test("fires timers in the order of their times", async () => {
    const fired: string[] = [];
    clock.setTimeout(() => fired.push("b"), 15);
    clock.setTimeout(() => fired.push("a"), 1);
    const cancelled = clock.setTimeout(() => fired.push("cancelled"), 5);
    cancelled.cancel();
    cancelled.cancel();
    await after(40);
    expect(fired).toEqual(["a", "b"]);
  });

  test("repeats an interval until it is cancelled, also by its own callback", async () => {
    let count = 0;
    const done = new Promise<void>((resolve) => {
      const timer = clock.setInterval(() => {
        count++;
        if (count < 3) return;
        timer.cancel();
        resolve();
      }, 2);
    });
    await it.wait(done);
    await after(20);
    expect(count).toBe(3);
  });

  test("does not fire at once what is further away than the runtime's timers reach", async () => {
    let fired = false;
    const timer = clock.setTimeout(
      () => {
        fired = true;
      },
      2 ** 31 + 5,
    );
    await after(10);
    timer.cancel();
    expect(fired).toBe(false);
  });

  test("runs afterTurn in order, after microtasks, and what is asked for meanwhile in a later turn", async () => {
    const ran: string[] = [];
    clock.afterTurn(() => {
      ran.push("first");
      clock.afterTurn(() => ran.push("asked for meanwhile"));
    });
    clock.afterTurn(() => ran.push("second"));
    void Promise.resolve().then(() => ran.push("microtask"));
    ran.push("synchronous");
    await afterTurn();
    expect(ran.slice(0, 4)).toEqual(["synchronous", "microtask", "first", "second"]);
    await afterTurn();
    expect(ran).toEqual(["synchronous", "microtask", "first", "second", "asked for meanwhile"]);
  });

  test("afterTurn is the same for a socket that speaks alone: behind its chunk, in order, each once", async () => {
    const rounds = 40;
    const events: string[] = [];
    const ping = new Uint8Array(1);
    let round = 0;
    let client: Socket | undefined;
    let isOver = (): void => {};
    const over = new Promise<void>((resolve) => (isOver = resolve));
    const listener = await it.runtime.net.listen({ host: "127.0.0.1", port: 0 }, () => ({
      data() {
        const now = ++round;
        setImmediate(() => events.push(`immediate ${now}`));
        clock.afterTurn(() => {
          events.push(`first ${now}`);
          clock.afterTurn(() => {
            events.push(`meanwhile ${now}`);
            // Nothing is ever written back: the other end would speak, too.
            if (now < rounds) client?.write(ping);
            else isOver();
          });
        });
        // From a microtask, as a processor that awaits something does.
        void Promise.resolve().then(() => {
          events.push(`microtask ${now}`);
          clock.afterTurn(() => events.push(`second ${now}`));
        });
        events.push(`data ${now}`);
      },
      closed() {},
    }));
    const { host, port } = listener.address;
    client = await it.wait(it.runtime.net.connect({ host, port, timeoutMs: 5_000 }, { data() {}, closed() {} }));
    client.write(ping);
    await it.wait(over);
    client.end();
    await it.wait(listener.close());
    for (let now = 1; now <= rounds; now++) {
      const all = events.filter((event) => event.endsWith(` ${now}`)).map((event) => event.split(" ")[0]);
      const own = all.filter((event) => event !== "immediate");
      expect([now, own[0], own.length]).toEqual([now, "data", 5]);
      expect(own.indexOf("meanwhile")).toBeGreaterThan(own.indexOf("first"));
      // From the 17th chunk on its turn ends there, and not with the event loop's.
      if (adapter.name === "bun") expect([now, all.indexOf("first") < all.indexOf("immediate")]).toEqual([now, now > 16]);
      expect(own.indexOf("second")).toBeGreaterThan(own.indexOf("microtask"));
    }
  });

  test("what several sockets said in one turn is there before afterTurn runs", async () => {
    // Both clients' bytes lie in the kernel when the server's loop comes round: one turn reads them.
    const order: string[] = [];
    const done = new Promise<void>((resolve) => {
      void it.runtime.net
        .listen({ host: "127.0.0.1", port: 0 }, () => ({
          data() {
            if (order.length === 0) clock.afterTurn(() => order.push("after the turn"));
            order.push("data");
            if (order.filter((event) => event === "data").length === 2) clock.afterTurn(resolve);
          },
          closed() {},
        }))
        .then(async (listener) => {
          const { address } = listener;
          const options = { host: address.host, port: address.port, timeoutMs: 5_000 };
          const nothing = { data() {}, closed() {} };
          const clients = await Promise.all([it.runtime.net.connect(options, nothing), it.runtime.net.connect(options, nothing)]);
          for (const client of clients) client.write(Uint8Array.of(1));
          await done;
          for (const client of clients) client.destroy();
          await listener.close();
        });
    });
    await it.wait(done);
    expect(order.indexOf("after the turn")).toBeGreaterThan(0);
  });

  test("goes on with everything while it is told to stay awake, where the loop can sleep at all", async () => {
    if (clock.stayAwake === undefined) expect(it.runtime.name).toBe("sim");
    const events: string[] = [];
    const began = clock.monotonic();
    clock.stayAwake?.(40);
    clock.stayAwake?.(1);
    // One of 1 ms would be first where a turn takes a busy machine so long.
    clock.setTimeout(() => events.push("8 ms"), 8);
    await afterTurn();
    events.push("afterTurn");
    await after(10);
    events.push("10 ms");
    clock.stayAwake?.(5);
    await after(10);
    expect(events).toEqual(["afterTurn", "8 ms", "10 ms"]);
    expect(clock.monotonic() - began).toBeGreaterThanOrEqual(19);
  });
});
