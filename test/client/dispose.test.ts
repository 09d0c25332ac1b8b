/** What `await using` calls: the end of a block closes, by a throw as well, and ends what was under way as `close` says. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import {
  Admin,
  ClientInstance,
  LitePullConsumer,
  type MessageExt,
  Producer,
  PushConsumer,
  SimpleConsumer,
  TransactionProducer,
} from "../../core/client/mod.ts";
import type { Socket } from "../../core/runtime.ts";
import type { RocketMQ } from "../../mod.ts";
import type { RemotingCommand } from "../../wire/remoting_command.ts";
import { fakeServer, frameOf } from "./fake_server.ts";
import { Collector, deferred, rejection, withSimulated } from "./harness.ts";

const queue = { topic: "T", brokerName: "broker-a", queueId: 0 };
const FIRST = { consumerGroup: "cg", subscription: { T: "*" }, consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET" } as const;

/** `bodies` in queue 0 of topic T. */
async function produced(rocketmq: RocketMQ, bodies: readonly string[]): Promise<void> {
  await usingUntilEnd(new Producer(rocketmq.client(), { producerGroup: "before" }), async (producer) => {
    for (const body of bodies) await producer.send({ topic: "T", body }, { messageQueue: queue });
  });
}

/** The clients that the broker knows in group cg, and in group pg of producers. */
async function known(rocketmq: RocketMQ): Promise<{ consumers: number; producers: number }> {
  const { connections } = new Admin(rocketmq.client());
  const countOf = (asked: Promise<{ connectionSet: { size?: number; length?: number } }>) =>
    asked.then(
      ({ connectionSet }) => connectionSet.size ?? connectionSet.length ?? 0,
      () => 0,
    );
  return {
    consumers: await countOf(connections.examineConsumerConnectionInfo("cg")),
    producers: await countOf(connections.examineProducerConnectionInfo("pg", "T")),
  };
}

/** `await using`, which Node 20 can't parse by itself. */
async function usingUntilEnd<T extends AsyncDisposable>(resource: T, body: (resource: T) => Promise<void>): Promise<void> {
  try {
    await body(resource);
  } finally {
    await resource[Symbol.asyncDispose]();
  }
}

const bodies = (messages: readonly MessageExt[]) => messages.map((message) => message.text());
const kindOf = async (promise: Promise<unknown>) => (await rejection(promise)).kind;

describe("a client", () => {
  test("closes its members, which hand over, then itself; a throw leaves nothing behind either", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["0", "1"]);
      const seen = new Collector<string>();
      let left: { client: ClientInstance; producer: Producer } | undefined;
      const block = async () => {
        await usingUntilEnd(rocketmq.client(), async (client) => {
          const producer = new Producer(client, { producerGroup: "pg" });
          left = { client, producer };
          await producer.send({ topic: "T", body: "2" }, { messageQueue: queue });
          await new PushConsumer(client, FIRST).start((message) => seen.add(message.text()));
          await seen.until(3);
          await client.beat();
          expect(await known(rocketmq)).toEqual({ consumers: 1, producers: 1 });
          throw new Error("of the block");
        });
      };
      expect((await rejection(block())).message).toBe("of the block");
      expect(left?.client.closed).toBe(true);
      expect(await known(rocketmq)).toEqual({ consumers: 0, producers: 0 });
      expect(await kindOf(left?.producer.send({ topic: "T", body: "3" }) as Promise<unknown>)).toBe("closed");
      expect(await kindOf(left?.client.route("Other") as Promise<unknown>)).toBe("closed");
      // What was consumed is stored: the next member gets nothing.
      await usingUntilEnd(new LitePullConsumer(rocketmq.client(), FIRST), async (next) => {
        expect(bodies(await next.poll())).toEqual([]);
      });
    }));

  test("rejects calls under way, which nobody would answer any more", async () => {
    const sim = simRuntime();
    const asked = deferred<void>();
    const { address } = await fakeServer(sim, { onSend: () => asked.resolve() });
    let sending: Promise<string | undefined> | undefined;
    const block = async () => {
      await usingUntilEnd(new ClientInstance({ runtime: sim, namesrvAddr: address }), async (client) => {
        const producer = new Producer(client, { producerGroup: "pg" });
        sending = kindOf(producer.send({ topic: "T", body: "x" }, { timeoutMs: 60_000 }));
        await asked.promise;
      });
    };
    const startedAt = sim.clock.monotonic();
    await sim.clock.resolve(block());
    expect(await sim.clock.resolve(sending as Promise<unknown>)).toBe("closed");
    expect(sim.clock.monotonic() - startedAt).toBeLessThan(1_000);
  });

  test("rejects questions to nameservers that are under way likewise", async () => {
    const sim = simRuntime();
    const { address } = await fakeServer(sim, { onRoute: () => {}, onOther: () => {} });
    const client = new ClientInstance({ runtime: sim, namesrvAddr: `${address};127.0.0.1:1` });
    const asking = Promise.all([
      kindOf(client.route("T")),
      kindOf(new Producer(client, { producerGroup: "pg" }).send({ topic: "U", body: "x" })),
      kindOf(new Admin(client).topics.fetchAllTopicList()),
      kindOf(client.masterOf({ topic: "V", brokerName: "b", queueId: 0 })),
    ]);
    await sim.clock.advance(100);
    const startedAt = sim.clock.monotonic();
    await sim.clock.resolve(client.close());
    expect(await sim.clock.resolve(asking)).toEqual(["closed", "closed", "closed", "closed"]);
    expect(sim.clock.monotonic()).toBe(startedAt);
  });

  test("closes its connections though its keys have run out, or what closes with it fails", async () => {
    const sim = simRuntime();
    const { address, connectedAt } = await fakeServer(sim, {
      onSend: (socket, request) => socket.write(frameOf(request, { extFields: { msgId: "id", queueId: "0", queueOffset: "5" } })),
    });
    for (const failing of ["keys", "closer"] as const) {
      let keys = true;
      const credentials = () => {
        if (keys) return { accessKey: "key", secretKey: "secret" };
        throw new Error("no keys any more");
      };
      const client = new ClientInstance({ runtime: sim, namesrvAddr: address, credentials });
      await sim.clock.resolve(new Producer(client, { producerGroup: "pg" }).send({ topic: "T", body: "x" }));
      expect(connectedAt().length).toBe(1);
      if (failing === "keys") keys = false;
      else client.onClose(() => Promise.reject(new Error("of the closer")));
      const closing = client.close().catch((fault: Error) => fault.message);
      expect(await sim.clock.resolve(closing)).toBe(failing === "keys" ? undefined : "of the closer");
      await sim.clock.settle();
      expect(connectedAt()).toEqual([]);
    }
  });

  test("of an Admin: the same", () =>
    withSimulated(async (rocketmq) => {
      const client = rocketmq.client();
      await usingUntilEnd(new Admin(client), async (admin) => {
        await admin.clusters.examineBrokerClusterInfo();
      });
      expect(client.closed).toBe(true);
    }));
});

describe("a producer", () => {
  test("leaves its group and takes no more; its client stays, and so does another of its group", () =>
    withSimulated(async (rocketmq) => {
      const client = rocketmq.client();
      const makers = [
        () => new Producer(client, { producerGroup: "pg" }),
        () => new TransactionProducer(client, { producerGroup: "pg", checkLocalTransaction: () => "UNKNOW" }),
      ];
      for (const make of makers) {
        const left = make();
        await usingUntilEnd(left, async (producer) => {
          await producer.send({ topic: "T", body: "x" });
          const stays = make();
          await usingUntilEnd(make(), async (another) => {
            await another.send({ topic: "T", body: "x" });
          });
          await client.beat();
          expect((await known(rocketmq)).producers).toBe(1);
          await stays.close();
        });
        expect((await known(rocketmq)).producers).toBe(0);
        expect(await kindOf(left.send({ topic: "T", body: "x" }))).toBe("closed");
        expect(client.closed).toBe(false);
      }
    }));

  test("lets sends under way go on", async () => {
    const sim = simRuntime();
    const asked = deferred<[Socket, RemotingCommand]>();
    const { address } = await fakeServer(sim, { onSend: (socket, request) => asked.resolve([socket, request]) });
    const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
    let sending: Promise<{ sendStatus: string }> | undefined;
    const block = async () => {
      await usingUntilEnd(new Producer(client, { producerGroup: "pg" }), async (producer) => {
        sending = producer.send({ topic: "T", body: "x" });
        await asked.promise;
      });
    };
    await sim.clock.resolve(block());
    const [socket, request] = await asked.promise;
    socket.write(frameOf(request, { extFields: { msgId: "id", queueId: "0", queueOffset: "5" } }));
    expect((await sim.clock.resolve(sending as Promise<{ sendStatus: string }>)).sendStatus).toBe("SEND_OK");
    await sim.clock.resolve(client.close());
  });
});

describe("a push consumer", () => {
  for (const [kind, options] of [
    ["concurrent", {}],
    ["orderly", { orderly: true }],
    ["popping", { clientRebalance: false }],
  ] as const) {
    test(`${kind}: waits for the listener, stores what it consumed, leaves the group, and calls it no more`, () =>
      withSimulated(async (rocketmq, sim) => {
        await produced(rocketmq, ["0", "1"]);
        const began = deferred<void>();
        const done = deferred<void>();
        const seen: string[] = [];
        let closed = false;
        const block = async () => {
          await usingUntilEnd(
            new PushConsumer(rocketmq.client(), { ...FIRST, consumeThreadMax: 1, ...options }),
            async (consumer) => {
              await consumer.start(async (message) => {
                seen.push(message.text());
                began.resolve();
                await done.promise;
              });
              await began.promise;
              expect((await known(rocketmq)).consumers).toBe(1);
            },
          );
        };
        const running = block().then(() => {
          closed = true;
        });
        await began.promise;
        await new Promise<void>((resolve) => void sim.clock.setTimeout(resolve, 500));
        expect([closed, seen]).toEqual([false, ["0"]]);
        done.resolve();
        await running;
        expect([seen, (await known(rocketmq)).consumers]).toEqual([["0"], 0]);
        await usingUntilEnd(new PushConsumer(rocketmq.client(), { ...FIRST, ...options }), async (next) => {
          const rest = new Collector<string>();
          await next.start((message) => rest.add(message.text()));
          await rest.until(1);
          expect(rest.items).toEqual(["1"]);
        });
      }));
  }

  test("that is iterated: the loop ends", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["0"]);
      const seen: string[] = [];
      const got = deferred<void>();
      let loop: Promise<void> | undefined;
      await usingUntilEnd(new PushConsumer(rocketmq.client(), FIRST), async (consumer) => {
        const running = async () => {
          for await (const message of consumer) {
            seen.push(message.text());
            got.resolve();
          }
        };
        loop = running();
        await got.promise;
      });
      await loop;
      expect(seen).toEqual(["0"]);
    }));
});

describe("a lite pull consumer", () => {
  test("ends a poll under way, stores what is consumed, and leaves the group", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["0", "1"]);
      let polling: Promise<string | undefined> | undefined;
      await usingUntilEnd(new LitePullConsumer(rocketmq.client(), FIRST), async (consumer) => {
        expect(bodies(await consumer.poll())).toEqual(["0", "1"]);
        // This one says that those two are consumed.
        polling = kindOf(consumer.poll({ timeoutMs: 3_600_000 }));
        expect((await known(rocketmq)).consumers).toBe(1);
      });
      expect(await polling).toBe("closed");
      expect((await known(rocketmq)).consumers).toBe(0);
      await usingUntilEnd(new LitePullConsumer(rocketmq.client(), FIRST), async (next) => {
        expect(await next.committed(queue)).toBe(2);
      });
    }));
});

describe("a simple consumer", () => {
  test("ends a receive under way, takes nothing by it, and leaves the group", () =>
    withSimulated(async (rocketmq) => {
      await produced(rocketmq, ["0"]);
      let receiving: Promise<string | undefined> | undefined;
      await usingUntilEnd(new SimpleConsumer(rocketmq.client(), { ...FIRST, invisibleDuration: 3_600_000 }), async (consumer) => {
        const [message] = await consumer.receive();
        await consumer.acknowledge(message as MessageExt);
        receiving = kindOf(consumer.receive({ awaitDuration: 3_600_000 }));
        expect((await known(rocketmq)).consumers).toBe(1);
      });
      expect(await receiving).toBe("closed");
      expect((await known(rocketmq)).consumers).toBe(0);
      await produced(rocketmq, ["1"]);
      await usingUntilEnd(new SimpleConsumer(rocketmq.client(), FIRST), async (next) => {
        expect(bodies(await next.receive())).toEqual(["1"]);
      });
    }));
});
