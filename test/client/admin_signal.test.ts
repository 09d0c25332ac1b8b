/** `admin.with({ signal })`: an operation under way ends when its signal is aborted, whichever way it asks; and with its time-out. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { Admin, ClientInstance, type MessageExt } from "../../core/client/mod.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { fakeServer, frameOf } from "./fake_server.ts";
import { rejection } from "./harness.ts";

const queue = { topic: "T", brokerName: "b", queueId: 0 };
const query = { topic: "T", key: "k", maxNum: 1, begin: 0, end: 1 };

/** One of each way: a nameserver, all of them, one broker, those that answer, pages, several questions in a row. */
const OPERATIONS: Readonly<Record<string, (admin: Admin, address: string) => Promise<unknown>>> = {
  "topics.fetchAllTopicList": ({ topics }) => topics.fetchAllTopicList(),
  "nameServers.createAndUpdateKvConfig": ({ nameServers }) => nameServers.createAndUpdateKvConfig("N", "k", "v"),
  "topics.createAndUpdateTopicConfig": ({ topics }, address) => topics.createAndUpdateTopicConfig(address, { topicName: "T" }),
  "topics.deleteTopicInBrokerConcurrent": ({ topics }, address) => topics.deleteTopicInBrokerConcurrent([address], "T"),
  "groups.getAllSubscriptionGroup": ({ groups }, address) => groups.getAllSubscriptionGroup(address),
  "messages.queryMessage": ({ messages }) => messages.queryMessage(query),
  "messages.viewMessage": ({ messages }) => messages.viewMessage("T", "no offsetMsgId"),
  "offsets.maxOffset": ({ offsets }) => offsets.maxOffset(queue),
  "offsets.minOffset": ({ offsets }) => offsets.minOffset(queue),
  "offsets.searchOffset": ({ offsets }) => offsets.searchOffset(queue, 1),
  "offsets.searchOffset, UPPER": ({ offsets }) => offsets.searchOffset(queue, 1, "UPPER"),
  "offsets.earliestMsgStoreTime": ({ offsets }) => offsets.earliestMsgStoreTime(queue),
  "consumeStats.examineConsumeStats": ({ consumeStats }) => consumeStats.examineConsumeStats("G"),
  messageTrackDetail: (admin) => admin.messageTrackDetail({ topic: "T" } as MessageExt),
};

/** What is answered, since another question follows it. */
const ANSWERED: ReadonlyMap<number, string> = new Map<number, string>([
  [REQUESTS.GET_CONSUME_STATS.code, '{"consumeTps":0,"offsetTable":{}}'],
  [REQUESTS.QUERY_TOPIC_CONSUME_BY_WHO.code, '{"groupList":["G"]}'],
]);

/** A server that is silent but for routes and what is above. */
async function start() {
  const sim = simRuntime();
  const asked: number[] = [];
  const server = await fakeServer(sim, {
    onRequest: (_socket, { code }) => void asked.push(code),
    onOther: (socket, request) => {
      const body = ANSWERED.get(request.code);
      if (body !== undefined) socket.write(frameOf(request, { body: encodeUtf8(body) }));
    },
  });
  const client = new ClientInstance({ runtime: sim, namesrvAddr: server.address });
  const close = () => sim.clock.resolve(client.close(), 60_000);
  return { sim, asked, admin: new Admin(client), address: server.address, close };
}

/** A signal that knows how many listen to it. */
function counted(): { controller: AbortController; listeners: Set<unknown> } {
  const controller = new AbortController();
  const listeners = new Set<unknown>();
  const { signal } = controller;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (type: string, listener: never, options?: never) => {
    listeners.add(listener);
    add(type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: never) => {
    listeners.delete(listener);
    remove(type, listener);
  };
  return { controller, listeners };
}

describe("an aborted signal", () => {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    test(`ends ${name} at once, with its reason`, async () => {
      const { sim, asked, admin, address, close } = await start();
      const controller = new AbortController();
      const fault = rejection(operation(admin.with({ signal: controller.signal, timeoutMs: 30_000 }), address));
      await sim.clock.advance(1_000);
      const [before, abortedAt] = [asked.length, sim.clock.monotonic()];
      expect(before).toBeGreaterThan(0);
      controller.abort(new Error("enough"));
      expect((await fault).message).toBe("enough");
      await sim.clock.settle();
      expect([sim.clock.monotonic(), asked.length]).toEqual([abortedAt, before]);
      await close();
    });

    test(`lets ${name} ask nothing when it was aborted before`, async () => {
      const { sim, asked, admin, address, close } = await start();
      const signal = AbortSignal.abort(new Error("never"));
      const fault = await sim.clock.resolve(rejection(operation(admin.with({ signal }), address)), 1);
      expect([fault.message, asked]).toEqual(["never", []]);
      await close();
    });
  }

  test("has no listeners any more when an operation is over, and leaves others alone", async () => {
    const { sim, admin, address, close } = await start();
    const { controller, listeners } = counted();
    const mine = admin.with({ signal: controller.signal });
    await sim.clock.resolve(mine.topics.examineTopicRouteInfo("T"), 1_000);
    await sim.clock.resolve(mine.consumeStats.examineConsumeStatsAt(address, "G", undefined, 1_000), 1_000);
    await sim.clock.resolve(rejection(mine.offsets.maxOffset(queue)), 60_000);
    expect(listeners.size).toBe(0);
    const other = rejection(admin.topics.fetchAllTopicList());
    controller.abort(new Error("enough"));
    expect((await sim.clock.resolve(other, 60_000)).kind).toBe("unreachable");
    await close();
  });
});

describe("at a broker that is silent", () => {
  const own =
    (timeoutMs: number) =>
    ({ offsets }: Admin, address: string) =>
      offsets.searchOffsetAt(address, queue, 1, "LOWER", timeoutMs);
  const timed = Object.entries(OPERATIONS).filter(([name]) => name.startsWith("offsets."));
  for (const [name, operation] of [...timed, ["offsets.searchOffsetAt", own(700)] as const]) {
    for (const timeoutMs of [700, 30_000]) {
      test(`${name} ends in its own time, or that of its Admin: ${timeoutMs} ms`, async () => {
        const { sim, admin, address, close } = await start();
        await sim.clock.resolve(admin.client.route("T"), 60_000);
        const startedAt = sim.clock.monotonic();
        const fault = await sim.clock.resolve(rejection(operation(admin.with({ timeoutMs }), address)), 60_000);
        const wantedMs = name === "offsets.searchOffsetAt" ? 700 : timeoutMs;
        expect(fault.kind).toBe("timeout");
        expect(Math.round(sim.clock.monotonic() - startedAt)).toBe(wantedMs);
        await close();
      });
    }
  }
});
